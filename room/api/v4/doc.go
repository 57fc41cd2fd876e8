// Package v4 answers POST /v4/{service}/{command}: the REST calls that programs for the cloud's IM make, so that they
// work here with the host changed.
//
// It reads the envelope, the query and the body, in JSON or as a form, and writes the answer; what a call does is done by
// those that Options names. It keeps no state but how often each command was called in this second, and starts no
// goroutine. docs/im-rest.md lists the calls.
//
// # A request
//
// The query has sdkappid, identifier (an administrator of the app) and usersig (the administrator's). random and
// contenttype are there for the cloud, and not read. The Content-Type is not read either, since programs send JSON under
// that of a form: a body that begins with { is JSON, every other one a form with brackets, whose texts become numbers
// where the command has numbers. The body is at most 1 MB, 16 levels deep, and read after the token was checked.
//
// # An answer
//
// The status is 200 whatever happened, and the body an object with ActionStatus (OK or FAIL), ErrorCode, ErrorInfo and
// RequestId before what the command answers. An answer is at most 1 MB. Numbers of errors are the cloud's.
package v4
