package main

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// cases are the acceptance cases B to E that concern the server: each has a test with its id in its name.
var cases = map[string]string{
	"B01": "members of a room exchange messages",
	"B02": "an announcement is told at once, and read on entry",
	"B03": "who enters and leaves is told",
	"B04": "the backend tells of a new product",
	"B05": "a gift is a custom message that all see",
	"B06": "the backend tells of a new kind of gift",
	"B07": "likes rise, and are told",
	"B09": "a room is opened, paused, closed, forbidden; closed, nobody publishes",
	"B10": "following is a custom message",
	"B11": "a purchase is a custom message",
	"B12": "an app is made and listed, 100 at most",
	"B13": "an app is deleted with all its data",
	"B14": "a room's name has 30 bytes",
	"B15": "a room's owner exists",
	"B16": "a room of type AVChatRoom",
	"B17": "the list has id, name, owner, type, time of creation",
	"B18": "a custom message arrives word for word",
	"B20": "who sends is in the room",
	"B21": "who changes the room need not be, and is heard while messages are cut",
	"B22": "a custom field has a name, types of room, rights to read and write",
	"B23": "the name of a field",
	"B24": "a room's field and a member's are not of one name",
	"B25": "a field's rights change, and it is not deleted",
	"B26": "a new field holds at once",
	"B27": "fields change by REST and are told; who may not is refused",
	"B28": "the backend raises a level, which stands beside the nick",
	"B29": "callbacks for groups, messages, online status, each with a switch",
	"B30": "words that are not allowed",
	"C01": "a customer's message reaches the agent",
	"C02": "the agent's answer reaches the customer",
	"C03": "the token check of WeChat",
	"C04": "subscribing imports an account",
	"C05": "unsubscribing deletes it",
	"C06": "a text goes to the agent",
	"C07": "other kinds of message are known",
	"C08": "malformed XML is answered",
	"C09": "a UserSig for half a year",
	"C10": "account_import",
	"C11": "account_delete",
	"C12": "openim/sendmsg",
	"C13": "the same with axios 0.21 and 1.x",
	"C14": "SyncOtherMachine 1",
	"C15": "two messages in a second under one MsgRandom",
	"C16": "what the receiver of callbacks answers",
	"C17": "multiaccount_import",
	"C19": "a receiver that is slow or down",
	"D04": "every message of priority High arrives",
	"D05": "80 messages a second become 40",
	"D08": "a message sent at one node arrives at another",
	"D09": "the filter",
	"D10": "an app, a UserSig, accounts and a room by REST",
	"D17": "an anonymous viewer enters and cannot send",
	"D18": "nor enter a room with a list of members",
	"D23": "a nick that is set before entering is shown",
	"D24": "one that was set before, too",
	"E01": "a connection ends for one of three reasons",
	"E02": "a connection is lost for a while",
	"E03": "who left gets nothing more",
	"E04": "a muted member",
	"E05": "a banned member",
	"E06": "a destroyed room",
	"E07": "an id that is taken",
	"E08": "how many are there",
	"E09": "a callback rewrites a message",
	"E10": "a callback drops or refuses one",
	"E12": "what is too long",
}

// otherCases are those that are not the channel's, each with the reason.
var otherCases = map[string]string{
	"B08": "publishing and playing: what bench/e2e and web/e2e are about",
	"B19": "the browser SDK's: a page shows its own message by itself",
	"B31": "signed addresses: room/auth, TestTencentVector and the other dialects",
	"B32": "publishing by a signed RTMP address: bench/e2e",
	"C18": "advice for production: docs/operations.md",
	"D01": "the watch page on a phone: web/e2e/run.mjs",
	"D02": "the browser SDK's",
	"D03": "load: bench",
	"D06": "the licence: LICENSE",
	"D07": "load: bench",
	"D11": "the browser SDK's", "D12": "the browser SDK's", "D13": "the browser SDK's", "D14": "the browser SDK's",
	"D15": "the browser SDK's", "D16": "the browser SDK's", "D22": "the browser SDK's",
	"D19": "FLV and HLS of one stream: web/e2e", "D20": "which one is played: web/e2e/run.mjs", "D21": "OBS publishes: bench/e2e",
	"E11": "the browser SDK's: a message and the end of a publish",
}

// lastCase is how many cases each chapter has.
var lastCase = map[string]int{"B": 32, "C": 19, "D": 24, "E": 12}

// ofCase finds ids in the names of tests: func TestE04Muted, t.Run("E04 muted"), it('E04 C05 muted').
var (
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	testName = regexp.MustCompile("[\"'`]((?:[B-E][0-9]{2}(?:[ :,]+|[\"'`]))+)")
	caseID   = regexp.MustCompile(`[B-E][0-9]{2,}`)
)

// TestCasesAreCovered: every acceptance case of the chapters B to E has a test that is named by it, or a reason why the
// server has none.
func TestCasesAreCovered(t *testing.T) {
	found := make(map[string]bool)
	for _, folder := range []string{"room", "cmd", "bench/e2e", "examples", "web/e2e"} {
		findCases(t, os.DirFS("../.."), folder, found)
	}
	for id, title := range cases {
		if !found[id] {
			t.Errorf("%s, %s: no test is named by it", id, title)
		}
		if otherCases[id] != "" {
			t.Errorf("%s stands in both lists", id)
		}
	}
	if n := len(cases) + len(otherCases); n != lastCase["B"]+lastCase["C"]+lastCase["D"]+lastCase["E"] {
		t.Errorf("the lists have %d cases", n)
	}
	for id := range found {
		if cases[id] == "" && otherCases[id] == "" {
			t.Errorf("a test is named by %s, and there is no such case", id)
		}
	}
}

// findCases notes the ids in the names of the tests below a folder.
func findCases(t *testing.T, fsys fs.FS, folder string, found map[string]bool) {
	t.Helper()
	if _, err := fs.Stat(fsys, folder); err != nil {
		return // it is yet to come
	}
	err := fs.WalkDir(fsys, folder, func(name string, entry fs.DirEntry, err error) error {
		isTest := strings.HasSuffix(name, "_test.go") || path.Ext(name) == ".mjs"
		if err != nil || entry.IsDir() || !isTest || path.Base(name) == "cases_test.go" {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		for _, m := range slices.Concat(testFunc.FindAllSubmatch(text, -1), testName.FindAllSubmatch(text, -1)) {
			for _, id := range caseID.FindAllString(string(m[1]), -1) {
				if len(id) == len("B01") { // a longer number is no case's
					found[id] = true
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
