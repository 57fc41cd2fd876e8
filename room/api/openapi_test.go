package api

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"weir/room/auth"
)

// TestDescribedTypes: the schemas name the members that the answers have.
func TestDescribedTypes(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any   `yaml:"properties"`
				AllOf      []map[string]any `yaml:"allOf"`
			} `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]any{
		"Problem": problem{}, "Track": trackJSON{}, "Stream": streamJSON{}, "AdminStream": adminStreamJSON{}, "URLs": urlsJSON{},
		"PlayURLs": auth.PlayURLs{}, "PublishURLs": auth.PublishURLs{}, "Beacon": beacon{},
	} {
		schema := doc.Components.Schemas[name]
		described := slices.Collect(maps.Keys(schema.Properties))
		for _, part := range schema.AllOf {
			if own, ok := part["properties"].(map[string]any); ok {
				described = slices.Concat(described, slices.Collect(maps.Keys(own)), slices.Collect(maps.Keys(doc.Components.Schemas["Stream"].Properties)))
			}
		}
		slices.Sort(described)
		if got := members(reflect.TypeOf(of)); !slices.Equal(got, described) {
			t.Errorf("%s has %v and is described with %v", name, got, described)
		}
	}
}

// members are the names that a struct has in JSON, in order.
func members(of reflect.Type) (names []string) {
	for f := range of.Fields() {
		if f.Anonymous {
			names = append(names, members(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
