package bus

import "github.com/centrifugal/centrifuge"

// Reason is why a session is over, as clients, logs and the metric weir_im_closed_total know it.
type Reason string

// The reasons for which weir ends sessions. The first three are what programs for the cloud's IM know.
const (
	// ReasonMultiple: the same user has logged in again on the same platform.
	ReasonMultiple Reason = "multipleAccount"
	// ReasonExpired: the UserSig that the session was opened with is no longer valid.
	ReasonExpired Reason = "userSigExpired"
	// ReasonREST: an administrator has ended the login.
	ReasonREST Reason = "REST_API_Kick"
	// ReasonFlood: the client goes on to ask more often than it may.
	ReasonFlood Reason = "tooManyRequests"
	// ReasonDeleted: the account or the app is no more.
	ReasonDeleted Reason = "accountDeleted"
	// ReasonReplaced: another connection goes on with the session.
	ReasonReplaced Reason = "replaced"
	// ReasonLogout: the client has said that it will not come again.
	ReasonLogout Reason = "logout"
	// ReasonGone: the connection was closed and no other came in time.
	ReasonGone Reason = "gone"
	// ReasonLost: the same, for a connection that had gone silent.
	ReasonLost Reason = "lost"
	// ReasonMoved: the session goes on at another node.
	ReasonMoved Reason = "moved"
)

// codes are the codes that end a connection with a reason of ours. Clients do not come again by themselves after one
// of 4500 to 4999.
var codes = map[Reason]uint32{
	ReasonMultiple: 4501,
	ReasonExpired:  4502,
	ReasonREST:     4503,
	ReasonFlood:    4504,
	ReasonDeleted:  4505,
	ReasonReplaced: 4506,
	ReasonLogout:   4507,
	ReasonMoved:    4508,
}

// disconnect is how a connection ends for a reason.
func (r Reason) disconnect() centrifuge.Disconnect {
	code, ok := codes[r]
	if !ok {
		return centrifuge.DisconnectForceNoReconnect
	}
	return centrifuge.Disconnect{Code: code, Reason: string(r)}
}

// engineReasons name the ends of a connection that the engine decides on.
var engineReasons = map[uint32]Reason{
	centrifuge.DisconnectConnectionClosed.Code:      "closed", // by the client, or its network
	centrifuge.DisconnectShutdown.Code:              "shutdown",
	centrifuge.DisconnectServerError.Code:           "internal",
	centrifuge.DisconnectSlow.Code:                  "slow",
	centrifuge.DisconnectWriteError.Code:            "write_error",
	centrifuge.DisconnectInsufficientState.Code:     "insufficient_state",
	centrifuge.DisconnectForceReconnect.Code:        "reconnect",
	centrifuge.DisconnectNoPong.Code:                "no_pong",
	centrifuge.DisconnectBadRequest.Code:            "bad_request",
	centrifuge.DisconnectStale.Code:                 "not_logged_in",
	centrifuge.DisconnectForceNoReconnect.Code:      "refused",
	centrifuge.DisconnectChannelLimit.Code:          "refused",
	centrifuge.DisconnectInappropriateProtocol.Code: "bad_request",
	centrifuge.DisconnectNotAvailable.Code:          "bad_request",
}

// isLoss tells whether a connection ended by silence.
func isLoss(r Reason) bool { return r == "no_pong" || r == "slow" || r == "write_error" }

// reasonOf names the end of a connection.
func reasonOf(d centrifuge.Disconnect) Reason {
	if r, ok := engineReasons[d.Code]; ok {
		return r
	}
	if r := Reason(d.Reason); codes[r] == d.Code {
		return r
	}
	return "other"
}
