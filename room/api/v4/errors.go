package v4

import "weir/room/im"

// What the envelope refuses, whatever the command.
var (
	errHTTP        = fault(60002, "the request could not be read")
	errJSON        = fault(60003, "the body is neither a JSON object nor a form")
	errNoUser      = fault(60004, "identifier is missing: the name of an administrator of the app")
	errNoSig       = fault(60005, "usersig is missing: the administrator's UserSig")
	errBadApp      = fault(60006, "sdkappid is not the number of an app")
	errTooOften    = fault(60007, "this command is called more often than it may be")
	errTimeout     = fault(60008, "the call took longer than 3 s")
	errNoCommand   = fault(60009, "there is no such service or command")
	errNoAdmin     = fault(60010, "identifier is not an administrator of the app")
	errNoApp       = fault(60012, "sdkappid is missing")
	errExpired     = fault(70001, "the UserSig has expired")
	errUnparsable  = fault(70003, "the UserSig cannot be read")
	errMismatch    = fault(70009, "the UserSig does not match: it was made with another key, or altered")
	errOtherUser   = fault(70013, "the UserSig is another user's than identifier")
	errOtherApp    = fault(70014, "the UserSig is another app's than sdkappid")
	errUnknownApp  = fault(70020, "there is no app of this sdkappid")
	errTooManySigs = fault(70050, "the UserSig does not match, and too many did not: wait a minute")
	errTooLarge    = im.ErrAnswerTooLarge
)

// fault is a refusal with a number that only this package's callers know.
func fault(number int, info string) *im.Error {
	return &im.Error{Number: number, Code: "rest", Info: info}
}
