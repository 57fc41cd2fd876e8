package hook

import "slices"

// The commands: what a receiver of the channel's callbacks is asked before it happens, or told afterwards.
const (
	GroupBeforeSend    = "Group.CallbackBeforeSendMsg"
	GroupAfterSend     = "Group.CallbackAfterSendMsg"
	GroupSendException = "Group.CallbackSendMsgException"
	GroupBeforeJoin    = "Group.CallbackBeforeApplyJoinGroup"
	GroupBeforeInvite  = "Group.CallbackBeforeInviteJoinGroup"
	GroupAfterJoin     = "Group.CallbackAfterNewMemberJoin"
	GroupAfterExit     = "Group.CallbackAfterMemberExit"
	GroupStateChange   = "Group.CallbackOnMemberStateChange"
	GroupBeforeCreate  = "Group.CallbackBeforeCreateGroup"
	GroupAfterCreate   = "Group.CallbackAfterCreateGroup"
	GroupAfterChange   = "Group.CallbackAfterGroupInfoChanged"
	GroupAfterDestroy  = "Group.CallbackAfterGroupDestroyed"
	GroupAfterFull     = "Group.CallbackAfterGroupFull"
	C2CBeforeSend      = "C2C.CallbackBeforeSendMsg"
	C2CAfterSend       = "C2C.CallbackAfterSendMsg"
	C2CAfterRead       = "C2C.CallbackAfterMsgReport"
	C2CAfterWithdraw   = "C2C.CallbackAfterMsgWithDraw"
	StateChange        = "State.StateChange"
)

// command is what is particular about one.
type command struct {
	name string
	// before: the receiver is asked, and may refuse.
	before bool
	// drops: it may answer 2, so that the sender sees success and nobody gets anything.
	drops bool
	// low to high are the codes that go on to the client with their text; 0 to 0: none do.
	low, high int
	// replaces: it may answer with another MsgBody and CloudCustomData.
	replaces bool
	// refuses: it may answer with RefusedMembers_Account.
	refuses bool
	// timed: the body has EventTime, in Unix milliseconds.
	timed bool
	// bare: the address comes without ClientIP and OptPlatform.
	bare bool
}

// commands are all there are, in the order of the documentation.
var commands = []command{
	{name: GroupBeforeSend, before: true, drops: true, low: 10100, high: 10200, replaces: true, timed: true},
	{name: GroupAfterSend, timed: true},
	{name: GroupSendException, timed: true},
	{name: GroupBeforeJoin, before: true},
	{name: GroupBeforeInvite, before: true, refuses: true},
	{name: GroupAfterJoin},
	{name: GroupAfterExit},
	{name: GroupStateChange, timed: true, bare: true},
	{name: GroupBeforeCreate, before: true},
	{name: GroupAfterCreate},
	{name: GroupAfterChange},
	{name: GroupAfterDestroy},
	{name: GroupAfterFull},
	{name: C2CBeforeSend, before: true, drops: true, low: 120001, high: 130000, replaces: true},
	{name: C2CAfterSend},
	{name: C2CAfterRead},
	{name: C2CAfterWithdraw},
	{name: StateChange, timed: true},
}

// commandOf finds a command by its name.
func commandOf(name string) (command, bool) {
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, false
	}
	return commands[i], true
}

// Commands are the names of all commands.
func Commands() []string {
	names := make([]string, 0, len(commands))
	for _, c := range commands {
		names = append(names, c.name)
	}
	return names
}
