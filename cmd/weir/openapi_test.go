package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// operation is what the description says of a method at a path.
type operation struct {
	ID        string              `yaml:"operationId"`
	Summary   string              `yaml:"summary"`
	Tags      []string            `yaml:"tags"`
	Security  *[]map[string][]any `yaml:"security"`
	Responses map[string]any      `yaml:"responses"`
}

// TestOpenAPI: /api/openapi.yaml has every route but the pages, and none else; and it says of each who may ask.
func TestOpenAPI(t *testing.T) {
	s, _ := start(t, local(t))
	w := ask(s.public.server.Handler, http.MethodGet, "/api/openapi.yaml")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/yaml" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var doc struct {
		Tags []struct {
			Name string `yaml:"name"`
		} `yaml:"tags"`
		Paths map[string]map[string]yaml.Node `yaml:"paths"`
	}
	if err := yaml.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, tag := range doc.Tags {
		used[tag.Name] = false
	}
	var described, mounted, ids []string
	for path, members := range doc.Paths {
		for name, node := range members {
			if name == "parameters" {
				continue
			}
			var o operation
			if err := node.Decode(&o); err != nil {
				t.Fatal(err)
			}
			pattern := strings.ToUpper(name) + " " + path
			described, ids = append(described, pattern), append(ids, o.ID)
			if o.ID == "" || o.Summary == "" || len(o.Responses) == 0 {
				t.Errorf("%s lacks its name, its summary or its responses", pattern)
			}
			if len(o.Tags) != 1 {
				t.Errorf("%s has the tags %v", pattern, o.Tags)
			}
			for _, tag := range o.Tags {
				if _, declared := used[tag]; !declared {
					t.Errorf("%s has the tag %s, which is not among tags", pattern, tag)
				}
				used[tag] = true
			}
			checkSecurity(t, pattern, &o)
		}
	}
	for tag, is := range used {
		if !is {
			t.Errorf("nothing has the tag %s", tag)
		}
	}
	for _, r := range routes(doors{}) {
		if why := open[r.pattern]; why == aPage || why == pageParts || why == ownWords {
			continue
		}
		mounted = append(mounted, r.pattern)
	}
	slices.Sort(described)
	slices.Sort(mounted)
	if !slices.Equal(described, mounted) {
		t.Errorf("described:\n%s\nmounted:\n%s", strings.Join(described, "\n"), strings.Join(mounted, "\n"))
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != len(described) {
		t.Error("two operations share a name")
	}
}

// checkSecurity compares what is said of who may ask with the tables that the routes are tested by.
func checkSecurity(t *testing.T, pattern string, o *operation) {
	t.Helper()
	anybody, signed := o.Security != nil && len(*o.Security) == 0, false
	nobody := false
	if o.Security != nil {
		for _, way := range *o.Security {
			_, sign := way["sign"]
			signed, nobody = signed || sign, nobody || len(way) == 0
		}
	}
	if (open[pattern] != "") != anybody {
		t.Errorf("%s is open to anybody as described: %v", pattern, anybody)
	}
	if openToPlay[pattern] != nobody {
		t.Errorf("%s is open where playing is, as described: %v", pattern, nobody)
	}
	if needsToken := administrators[pattern] && !openToPlay[pattern]; !anybody && needsToken == signed {
		t.Errorf("%s takes signed addresses, as described: %v", pattern, signed)
	}
}
