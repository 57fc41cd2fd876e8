package manage

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"weir/room/api"
	"weir/room/apps"
	"weir/room/auth"
	"weir/room/im"
)

// TestDescribedTypes: the schemas of the description name the members that bodies and answers have.
func TestDescribedTypes(t *testing.T) {
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `yaml:"properties"`
			} `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]any{
		"App": appJSON{}, "NewApp": newApp{}, "NewUserSig": newUserSig{}, "UserSig": userSigJSON{},
		"Room": roomJSON{}, "RoomList": listJSON{}, "NewRoom": newRoom{}, "RoomPatch": roomPatch{},
		"Present": Present{}, "Online": onlineJSON{}, "Member": memberJSON{}, "MemberList": membersJSON{}, "Until": untilJSON{}, "Held": held{},
		"Seat": seatJSON{}, "Attributes": attributesJSON{}, "AttributesPatch": attributesPatch{}, "CountersPatch": countersPatch{},
		"NewMessage": newMessage{}, "Sent": sentJSON{}, "Field": fieldJSON{}, "NewField": newField{}, "Words": wordsJSON{},
	} {
		described := slices.Sorted(maps.Keys(doc.Components.Schemas[name].Properties))
		if got := members(reflect.TypeOf(of)); !slices.Equal(got, described) {
			t.Errorf("%s has %v and is described with %v", name, got, described)
		}
	}
}

// members are the names that a struct has in JSON, in order.
func members(of reflect.Type) (names []string) {
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TestRefusals: each error has its status, and its code says which one it is.
func TestRefusals(t *testing.T) {
	m := New(Options{})
	for _, tc := range []struct {
		err    error
		status int
		code   string
	}{
		{bad("x"), 400, api.CodeBadRequest},
		{im.ErrBadParameter.With("x"), 400, "bad_parameter"},
		{im.ErrSensitive, 400, "sensitive_text"},
		{im.ErrNoRoom, 404, "no_such_room"},
		{im.ErrUnknownAccount, 404, "no_such_account"},
		{im.ErrRoomTaken, 409, "room_id_taken"},
		{im.ErrRoomClosed, 403, "room_closed"},
		{im.Refused(10150, "no"), 403, "refused_by_callback"},
		{im.ErrTooOften, 429, "too_often"},
		{fmt.Errorf("x: %w", im.ErrInternal), 500, api.CodeInternal},
		{errors.New("a secret"), 500, api.CodeInternal},
		{apps.ErrNotFound, 404, "app_not_found"},
		{fmt.Errorf("%w: 7", apps.ErrTaken), 409, "app_id_taken"},
		{auth.ErrWrongApp, 401, "token_wrong_app"},
	} {
		w := httptest.NewRecorder()
		m.refuse(w, httptest.NewRequest(http.MethodGet, "/", nil), tc.err)
		if w.Code != tc.status || !strings.Contains(w.Body.String(), `"code":"`+tc.code+`"`) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%v: got %d %s", tc.err, w.Code, w.Body)
		}
		if (w.Code == http.StatusTooManyRequests) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%v: Retry-After is %q", tc.err, w.Header().Get("Retry-After"))
		}
	}
}

// FuzzDecode: no body does harm, whatever it should be.
func FuzzDecode(f *testing.F) {
	f.Add(`{"id":"r","name":"Room","fields":{"a":"b"},"members":["x"]}`)
	f.Add(`{"text":"hi","elements":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"x"}}],"priority":"High"}`)
	f.Add(strings.Repeat("[", 10000))
	f.Fuzz(func(t *testing.T, body string) {
		for _, to := range []any{new(newRoom), new(roomPatch), new(newMessage), new(attributesPatch), new(countersPatch), new(newField), new(newUserSig)} {
			r := &Request{Request: httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)), w: httptest.NewRecorder()}
			if err := r.decode(to); err == nil && len(body) > maxBody {
				t.Errorf("a body of %d bytes was read", len(body))
			}
		}
	})
}
