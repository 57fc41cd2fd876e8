package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// module is the path that the imports of this module start with.
const module = "weir"

// layer says what the packages in and below a folder may import of this module.
type layer struct {
	folder  string
	imports []string
	why     string
}

// forDoors is what every door may import beside itself.
var forDoors = []string{"mux", "rtc", "room/live", "room/audience", "room/auth", "room/dial", "room/hook", "room/store"}

// layers is rule 4 of the architecture: a pure core, doors around it, state in the middle. Of two folders that
// hold a package the longer one counts.
var layers = []layer{
	{"mux", []string{"mux"}, "the core knows frames and bytes only"},
	{"config", nil, "it is data that cmd hands out in pieces"},
	{"web", nil, "it is files"},
	{"testdata", nil, "it is files"},
	{"testdata/samples", []string{"mux", "testdata"}, "it makes frames out of files"},
	{"room/auth", nil, "it decides on texts and knows neither media nor state"},
	{"room", []string{"mux", "room"}, "state knows no door"},
	{"rtc", []string{"rtc", "mux", "room/auth"}, "it is the ground below both doors for WebRTC and knows no state"},
	{"rtc/sender", []string{"rtc", "mux", "room/live"}, "it is what doors share that send a stream by WebRTC: it reads streams and knows no door"},
	{"ingest", append([]string{"ingest"}, forDoors...), "doors meet in the hub, never each other"},
	{"playback", append([]string{"playback"}, forDoors...), "doors meet in the hub, never each other"},
	{"segmenter", append([]string{"segmenter"}, forDoors...), "doors meet in the hub, never each other"},
	{"cdnrelay", append([]string{"cdnrelay"}, forDoors...), "doors meet in the hub, never each other"},
	{"examples", []string{"examples"}, "they are what an integrator would write, who has the public interfaces alone"},
	{"bench", []string{"bench", "testdata", "mux", "rtc", "room", "ingest", "playback", "segmenter", "cdnrelay"}, "only cmd wires and configures"},
	{"cmd", []string{"bench", "mux", "rtc", "config", "room", "ingest", "playback", "segmenter", "cdnrelay", "web"}, "cmd wires everything"},
}

// impure are the standard packages that have no place where there is no network, file, clock or logger.
var impure = map[string][]string{
	"mux":       {"net", "os", "log", "syscall", "io/ioutil", "plugin"},
	"room/auth": {"os", "log/syslog", "net/rpc", "net/smtp", "syscall", "plugin"},
}

// clock are the functions of package time that read the clock or wait for it.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

func TestLayers(t *testing.T) {
	// Reading through the os package makes the sources part of what a cached result of this test depends on.
	for _, fault := range checkLayers(t, os.DirFS("../..")) {
		t.Error(fault)
	}
}

func TestLayersFindsFaults(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	got := checkLayers(t, fstest.MapFS{
		"room/x.go":             file(`package room; import _ "weir/segmenter"`),
		"room/auth/x.go":        file(`package auth; import _ "weir/mux/av"`),
		"ingest/a/x.go":         file(`package a; import ( _ "weir/ingest/b"; _ "weir/mux"; _ "weir/playback/c" )`),
		"rtc/x.go":              file(`package rtc; import ( _ "weir/room/auth"; _ "weir/room/live" )`),
		"segmenter/x.go":        file(`package segmenter; import _ "weir/config"`),
		"segmenter/x_test.go":   file(`package segmenter; import ( _ "weir/testdata"; _ "weir/config" )`),
		"mux/x.go":              file(`package mux; import ( _ "net/http"; "time" ); func f() { go f(); time.Now() }`),
		"mux/x_test.go":         file(`package mux; import ( _ "os"; "time" ); func g() { go g(); time.Now() }`),
		"muxer/x.go":            file(`package muxer`),
		"web/node_modules/x.go": file(`package x; import _ "weir/config"`),
		"cmd/weir/x.go":         file(`package main; import ( _ "weir/config"; _ "weir/web"; _ "os" )`),
	})
	want := []string{
		"ingest/a/x.go imports playback/c: ingest may import only [ingest mux rtc room/live room/audience room/auth room/dial room/hook room/store]: doors meet in the hub, never each other",
		"mux/x.go imports net/http: mux is pure and may not",
		"mux/x.go:1 calls time.Now: mux is pure and may not",
		"mux/x.go:1 starts a goroutine: mux is pure and may not",
		"muxer/x.go belongs to no layer: add its folder to the table of layers_test.go",
		"room/auth/x.go imports mux/av: room/auth may import only []: it decides on texts and knows neither media nor state",
		"room/x.go imports segmenter: room may import only [mux room]: state knows no door",
		"rtc/x.go imports room/live: rtc may import only [rtc mux room/auth]: it is the ground below both doors for WebRTC and knows no state",
		"segmenter/x.go imports config: segmenter may import only [segmenter mux rtc room/live room/audience room/auth room/dial room/hook room/store]: doors meet in the hub, never each other",
		"segmenter/x_test.go imports config: segmenter may import only [segmenter mux rtc room/live room/audience room/auth room/dial room/hook room/store]: doors meet in the hub, never each other",
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// checkLayers reads every Go file of a module, whatever its build tags, and returns the faults it finds.
func checkLayers(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var faults []string
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (entry.Name()[0] == '.' || entry.Name() == "node_modules"):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		faults = append(faults, checkFile(set, name, file)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

func checkFile(set *token.FileSet, name string, file *ast.File) []string {
	l := layerOf(name)
	if l == nil {
		return []string{name + " belongs to no layer: add its folder to the table of layers_test.go"}
	}
	isTest := strings.HasSuffix(name, "_test.go")
	var faults []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			faults = append(faults, err.Error())
			continue
		}
		own, isOwn := strings.CutPrefix(imported, module+"/")
		switch {
		case isTest && within(own, []string{"testdata", "bench/publish", "bench/receive"}): // samples, a client to drive a door, receivers
		case isOwn && !within(own, l.imports):
			faults = append(faults, fmt.Sprintf("%s imports %s: %s may import only %v: %s", name, own, l.folder, l.imports, l.why))
		case !isOwn && !isTest && within(imported, impure[l.folder]):
			faults = append(faults, fmt.Sprintf("%s imports %s: %s is pure and may not", name, imported, l.folder))
		}
	}
	if impure[l.folder] != nil && !isTest {
		faults = append(faults, checkPure(set, l, file)...)
	}
	return faults
}

// checkPure finds goroutines and the clock. A time.Now that is only named, as the default of an option, passes.
func checkPure(set *token.FileSet, l *layer, file *ast.File) []string {
	var faults []string
	add := func(at ast.Node, does string) {
		where := set.Position(at.Pos())
		faults = append(faults, fmt.Sprintf("%s:%d %s: %s is pure and may not", where.Filename, where.Line, does, l.folder))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			add(n, "starts a goroutine")
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				break
			}
			if pkg, ok := f.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains(clock, f.Sel.Name) {
				add(n, "calls time."+f.Sel.Name)
			}
		}
		return true
	})
	return faults
}

// layerOf is the layer of the longest folder that holds the file, or nil.
func layerOf(name string) *layer {
	var best *layer
	for i := range layers {
		l := &layers[i]
		if within(path.Dir(name), []string{l.folder}) && (best == nil || len(l.folder) > len(best.folder)) {
			best = l
		}
	}
	return best
}

// within tells whether the path is one of the folders or below one.
func within(name string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return name == f || strings.HasPrefix(name, f+"/") })
}

// oldest are the lowest versions of modules that advisories allow.
var oldest = map[string][3]int{
	"github.com/pion/interceptor": {0, 1, 39}, // GHSA-f26w-gh5m-qq77: a padded RTP packet ends the process
	"github.com/pion/dtls/v3":     {3, 1, 4},  // GHSA-wg4g-wm44-ch5j: so does a malformed handshake message
}

func TestModulesAreNotBelowAdvisories(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range checkVersions(string(text)) {
		t.Error(fault)
	}
	const low = "require (\n\tgithub.com/pion/interceptor v0.1.38 // indirect\n\tgithub.com/pion/dtls/v3 v3.1.4\n)\n"
	if got := checkVersions(low); len(got) != 1 || !strings.Contains(got[0], "interceptor") {
		t.Errorf("a go.mod with one low version gives %q", got)
	}
	if got := checkVersions("module weir\n"); len(got) != len(oldest) {
		t.Errorf("a go.mod without the modules gives %q", got)
	}
}

func checkVersions(gomod string) []string {
	var faults []string
	for name, low := range oldest {
		m := regexp.MustCompile(`(?m)^\s*(?:require )?` + regexp.QuoteMeta(name) + ` v(\d+)\.(\d+)\.(\d+)`).FindStringSubmatch(gomod)
		if m == nil {
			faults = append(faults, name+" is not in go.mod: take it out of the table if it is no longer used")
			continue
		}
		var have [3]int
		for i := range have {
			n, err := strconv.Atoi(m[i+1])
			if err != nil {
				faults = append(faults, err.Error())
			}
			have[i] = n
		}
		if slices.Compare(have[:], low[:]) < 0 {
			faults = append(faults, fmt.Sprintf("%s is %v in go.mod, and %v is the lowest that advisories allow", name, have, low))
		}
	}
	return faults
}
