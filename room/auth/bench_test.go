package auth

import (
	"testing"
	"time"
)

// BenchmarkAuthorize checks an address, as every request of an HLS viewer does.
func BenchmarkAuthorize(b *testing.B) {
	a, err := New(Options{
		App: App{ID: demoApp, Key: demoKey}, PlaySigned: true, Dialects: []Dialect{DialectTencent, DialectAlibaba},
		Now: func() time.Time { return epoch },
	})
	if err != nil {
		b.Fatal(err)
	}
	for d := range dialects {
		b.Run(Dialect(d).String(), func(b *testing.B) {
			query, err := a.SignQuery(Dialect(d), Pass{Action: ActionPlay, Room: "r", Stream: "s", Expires: epoch.Add(time.Hour)}, "/live/r/s.m3u8")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ask(a, ActionPlay, "r", "s", "/live/r/s.m3u8", query); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
