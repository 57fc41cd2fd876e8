package e2e

import (
	"encoding/json"
	"syscall"
	"testing"
	"time"
)

// rules is the setting of a server that pushes all streams of a room.
func rules(t *testing.T, room, to string) string {
	t.Helper()
	text, err := json.Marshal([]map[string]string{{"match": room + "/*", "to": to}})
	if err != nil {
		t.Fatal(err)
	}
	return "WEIR_RELAY_RULES=" + string(text)
}

// TestPushIntoWeir: what a server pushes to another one's door plays there as it was sent, goes on behind a publisher that was
// killed and came back, and ends with it.
func TestPushIntoWeir(t *testing.T) {
	t.Parallel()
	to := start(t)
	from := start(t, rules(t, "relayed", to.rtmp+"/live/{room}/{stream}?usersig="+to.token))
	file := encoderSample(t)
	first := from.push(t, "relayed/cam", file)
	to.awaitState(t, "relayed", "cam", "live")
	v := watch(t, to.http+"/live/relayed/cam.flv")
	v.untilLength(t, 4*time.Second)
	checkWhole(t, encoderSent(t), v.ledger(t))
	first.end(t, syscall.SIGKILL)
	from.awaitState(t, "relayed", "cam", "interrupted")
	before := len(v.tagsNow())
	second := from.push(t, "relayed/cam", file)
	v.until(t, "pictures of the second publish", func(tags []tag) bool {
		return len(tags) > before && firstPicture(tags[before:]) != nil && span(tags[before:]) >= 3*time.Second
	})
	second.end(t, syscall.SIGINT)
	to.awaitState(t, "relayed", "cam", "ended")
	if err := v.ended(t); err != nil {
		t.Errorf("the viewer's response was cut: %v", err)
	}
	checkCapture(t, v, 5, "aac", "h264")
}
