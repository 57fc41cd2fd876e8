package v4

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the goldens anew")

// query is that of an administrator.
const query = "?sdkappid=1400000000&identifier=admin&usersig=sig&random=99999999&contenttype=json"

// ask sends a body to a command and gives the answer's.
func ask(t *testing.T, a *API, command, contentType, body string) string {
	t.Helper()
	w := send(a, http.MethodPost, "/v4/"+command+query, contentType, body)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %v", command, w.Code, w.Header())
	}
	return w.Body.String()
}

func send(a *API, method, target, contentType, body string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	mux.Handle("POST /v4/{service}/{command}", a)
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	mux.ServeHTTP(w, r)
	return w
}

// example is a request of a command in testdata/calls.txt, with what it comes to.
type example struct {
	command, body string
	golden        string
}

// readExamples reads testdata/calls.txt: after "= service/command" the request on a line, and below it what it comes to.
func readExamples(t *testing.T) (list []example) {
	t.Helper()
	text, err := os.ReadFile("testdata/calls.txt")
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq("\n"+string(text), "\n= ") {
		command, rest, ok := strings.Cut(part, "\n")
		if !ok || part[0] == '\n' {
			continue
		}
		body, golden, _ := strings.Cut(rest, "\n")
		list = append(list, example{command, body, strings.TrimSpace(golden)})
	}
	return list
}

// TestEveryCall: every command there is, in JSON and as a form, with the calls it makes and the answer it gives, and
// without each of its parameters, and with each in a wrong type.
func TestEveryCall(t *testing.T) {
	list := readExamples(t)
	var there, asked []string
	for _, s := range services {
		for _, c := range s.commands {
			there = append(there, s.name+"/"+c.name)
		}
	}
	var out strings.Builder
	for _, e := range list {
		asked = append(asked, e.command)
		got := outcomeOf(t, e)
		fmt.Fprintf(&out, "= %s\n%s\n%s\n\n", e.command, e.body, got)
		if got != e.golden && !*update {
			t.Errorf("%s %s: got\n%s\nwant\n%s", e.command, e.body, got, e.golden)
		}
	}
	slices.Sort(there)
	slices.Sort(asked)
	if asked = slices.Compact(asked); !slices.Equal(asked, there) {
		t.Errorf("testdata/calls.txt has\n%v\nand there are\n%v", asked, there)
	}
	if *update {
		if err := os.WriteFile("testdata/calls.txt", []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// twoRooms are those of the app.
var twoRooms = []string{"club", "live"}

// outcomeOf is what a request comes to.
func outcomeOf(t *testing.T, e example) string {
	t.Helper()
	d := &domain{list: twoRooms}
	answer := ask(t, over(d), e.command, "application/x-www-form-urlencoded;charset=UTF-8", e.body) // axios 0.21
	trace := d.trace.String()
	if !json.Valid([]byte(answer)) {
		t.Errorf("%s answers no JSON: %s", e.command, answer)
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(e.body), &members); err != nil {
		t.Fatalf("%s: %v", e.command, err)
	}
	d = &domain{list: twoRooms}
	if got := ask(t, over(d), e.command, "application/json", asForm(members)); got != answer || d.trace.String() != trace {
		t.Errorf("%s as a form: %s\n%s\nwant %s\n%s", e.command, got, d.trace.String(), answer, trace)
	}
	var out strings.Builder
	out.WriteString(trace + "-> " + answer)
	for _, key := range slices.Sorted(maps.Keys(members)) {
		changed := maps.Clone(members)
		delete(changed, key)
		fmt.Fprintf(&out, "\nwithout %s: %s", key, brief(t, e.command, changed))
		changed[key] = map[string]any{"no": "such"}
		if _, ok := members[key].(map[string]any); ok {
			changed[key] = 7
		}
		fmt.Fprintf(&out, "; of a wrong type: %s", brief(t, e.command, changed))
	}
	return out.String()
}

// brief is the number and the text of what a request is answered, or the calls it makes.
func brief(t *testing.T, command string, members map[string]any) string {
	t.Helper()
	body, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	var answer base
	if err := json.Unmarshal([]byte(ask(t, over(new(domain)), command, "", string(body))), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.ErrorCode == 0 {
		return "ok"
	}
	return fmt.Sprintf("%d %s", answer.ErrorCode, answer.ErrorInfo)
}

// asForm is what axios 1.x makes of an object under the Content-Type of a form.
func asForm(members map[string]any) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(members)) {
		appendForm(&pairs, key, members[key])
	}
	return strings.Join(pairs, "&")
}

func appendForm(pairs *[]string, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			appendForm(pairs, name+"["+key+"]", v[key])
		}
	case []any:
		for i, one := range v {
			switch one.(type) {
			case map[string]any, []any:
				appendForm(pairs, name+"["+strconv.Itoa(i)+"]", one)
			default:
				appendForm(pairs, name+"[]", one)
			}
		}
	case float64:
		*pairs = append(*pairs, url.QueryEscape(name)+"="+strconv.FormatFloat(v, 'f', -1, 64))
	default:
		*pairs = append(*pairs, url.QueryEscape(name)+"="+url.QueryEscape(fmt.Sprint(v)))
	}
}
