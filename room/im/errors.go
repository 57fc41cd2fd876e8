package im

import "fmt"

// Error is a refusal as clients see it. The codes are those that programs for the cloud's IM know; Code names it in
// this package's own words, which REST below /api/v1 shows.
type Error struct {
	Number int
	Code   string
	Info   string
}

func (e *Error) Error() string { return e.Info }

// Is compares numbers, so that an error with more to say is still the sentinel's.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Number == e.Number
}

// With is the same refusal with another text.
func (e *Error) With(format string, args ...any) *Error {
	return &Error{Number: e.Number, Code: e.Code, Info: fmt.Sprintf(format, args...)}
}

// Refused is what the receiver of a callback refuses with a number of its own.
func Refused(number int, info string) *Error {
	return &Error{Number: number, Code: "refused_by_callback", Info: info}
}

// What the channel refuses.
var (
	// ErrSensitive: a word of the filter's list is in it.
	ErrSensitive = &Error{80001, "sensitive_text", "the text has a word that is not allowed"}
	// ErrTooLong: the message is longer than 12 KB.
	ErrTooLong = &Error{80002, "message_too_long", "the message is longer than 12288 bytes"}

	// ErrInternal: the fault is ours.
	ErrInternal = &Error{10002, "internal", "internal error"}
	// ErrBadParameter: a parameter has a value that it may not have.
	ErrBadParameter = &Error{10004, "bad_parameter", "a parameter is invalid"}
	// ErrBadPriority: there are High, Normal, Low and Lowest.
	ErrBadPriority = &Error{10004, "bad_parameter", "a priority is one of High, Normal, Low, Lowest"}
	// ErrTooMany: there are more accounts in one request than may be.
	ErrTooMany = &Error{10005, "too_many", "too many accounts in one request"}
	// ErrTooOften: the caller does this more often than it may.
	ErrTooOften = &Error{10006, "too_often", "this is done too often"}
	// ErrNoPermission: the actor is known and may not do this, or nobody may do it in a room of this type.
	ErrNoPermission = &Error{10007, "no_permission", "no permission"}
	// ErrOwnerStays: the owner of a room cannot leave it.
	ErrOwnerStays = &Error{10009, "owner_stays", "the owner cannot leave the room"}
	// ErrNoRoom: there is no such room, or there is none any more.
	ErrNoRoom = &Error{10010, "no_such_room", "the room does not exist"}
	// ErrMember: the account is a member already.
	ErrMember = &Error{10013, "already_member", "the account is a member already"}
	// ErrRoomFull: there are as many members as there may be.
	ErrRoomFull = &Error{10014, "room_full", "the room is full"}
	// ErrBadRoomID: the room's id has a form that none may have.
	ErrBadRoomID = &Error{10015, "bad_room_id", "the room id is invalid"}
	// ErrDenied: a callback before it said no.
	ErrDenied = &Error{10016, "denied_by_callback", "denied by the application"}
	// ErrMuted: the sender, or everybody in the room, is muted.
	ErrMuted = &Error{10017, "muted", "the sender is muted"}
	// ErrAnswerTooLarge: ask for less at once.
	ErrAnswerTooLarge = &Error{10018, "answer_too_large", "the answer is larger than 1 MB: ask for less at once"}
	// ErrNoAccount: there is no such account.
	ErrNoAccount = &Error{10019, "no_such_account", "the account does not exist"}
	// ErrRoomTaken: another's room has this id.
	ErrRoomTaken = &Error{10021, "room_id_taken", "the room id is taken"}
	// ErrSendRate: a message was cut by the room's limit. Its sender does not see it; the callback does.
	ErrSendRate = &Error{10023, "send_rate", "the room has more messages than may be sent"}
	// ErrRoomYours: the asker's own room has this id, and can be used.
	ErrRoomYours = &Error{10025, "room_id_yours", "the room id is taken by the same owner"}
	// ErrTooManyRooms: the user owns as many rooms of the type as a user may make.
	ErrTooManyRooms = &Error{10036, "too_many_rooms", "the account owns too many rooms of this type"}
	// ErrNoAttribute: the attribute is not there.
	ErrNoAttribute = &Error{10050, "no_such_attribute", "the attribute does not exist"}
	// ErrAttributeConflict: somebody else changed the attributes in between.
	ErrAttributeConflict = &Error{10056, "attribute_conflict", "the attributes were changed by somebody else"}

	// ErrRoomClosed: the room's status does not let this happen.
	ErrRoomClosed = &Error{10901, "room_closed", "the room is closed"}
	// ErrBanned: the account is banned from the room.
	ErrBanned = &Error{10902, "banned", "the account is banned from the room"}
	// ErrNotMember: the account has to be in the room for this.
	ErrNotMember = &Error{10903, "not_member", "the account is not in the room"}

	// ErrDeniedC2C: a callback before a message to an account said no.
	ErrDeniedC2C = &Error{20006, "denied_by_callback", "denied by the application"}
	// ErrMutedC2C: the sender may not write to accounts.
	ErrMutedC2C = &Error{20012, "muted", "the sender is muted"}
	// ErrNotImported: the sender's account does not exist.
	ErrNotImported = &Error{20003, "no_such_account", "the sender's account does not exist"}
	// ErrNoRecipient: the account that it is for does not exist.
	ErrNoRecipient = &Error{90012, "no_such_account", "the recipient's account does not exist"}
	// ErrBadBody: MsgBody is not a list of elements with their fields.
	ErrBadBody = &Error{90002, "bad_body", "the message body is invalid"}

	// ErrTooLate: a message can be taken back for two minutes.
	ErrTooLate = &Error{20016, "too_late", "the message was sent too long ago to be taken back"}
	// ErrNotAdmin: only administrators send for others.
	ErrNotAdmin = &Error{90009, "no_permission", "only administrators send for others"}
	// ErrBadLife: a message is kept for seven days at most.
	ErrBadLife = &Error{90026, "bad_life", "a message is kept for 0 to 604800 seconds"}

	// ErrNotLoggedIn: an anonymous viewer cannot do this.
	ErrNotLoggedIn = &Error{2024, "not_logged_in", "log in first"}

	// ErrBadAccount: an account's id is 1 to 32 bytes.
	ErrBadAccount = &Error{40003, "bad_account", "the account id is invalid"}
	// ErrBadProfile: a profile item is unknown or has a value that it may not have.
	ErrBadProfile = &Error{40001, "bad_profile", "a profile item is invalid"}
	// ErrSensitiveProfile: a word of the filter's list is in a profile item.
	ErrSensitiveProfile = &Error{40005, "sensitive_text", "the text has a word that is not allowed"}
	// ErrUnknownAccount: the account was never imported.
	ErrUnknownAccount = &Error{70107, "no_such_account", "the account does not exist"}
)
