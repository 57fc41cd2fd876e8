package push

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/mux/av"
	"weir/testdata/samples"
)

const takersEnv = "WEIR_TEST_TAKERS"

// TestTakers is the other process of BenchmarkRTMPDestinations: servers that throw away what they get.
func TestTakers(t *testing.T) {
	if os.Getenv(takersEnv) == "" {
		t.Skip("started by a benchmark only")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("listens %v\n", l.Addr())
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			k := &taker{t: t}
			go k.talk(conn)
		}
	}()
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the benchmark is over
	_ = l.Close()
}

// takers starts that process.
func takers(b *testing.B) (addr string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestTakers$")
	cmd.Env = append(os.Environ(), takersEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if addr, ok := strings.CutPrefix(lines.Text(), "listens "); ok {
			return addr
		}
	}
	b.Fatal("the servers do not listen")
	return ""
}

// BenchmarkRTMPDestinations is what a picture of 10 kB and its sound cost, from the hub to so many servers' sockets: an
// operation is a thirtieth of a second of a stream. cpu-µs/op is this process's time, user and system.
func BenchmarkRTMPDestinations(b *testing.B) {
	addr := takers(b)
	picture, _ := samples.H264(b)
	sound, sounds := samples.AAC(b)
	for _, n := range []int{1, 2, 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newSource(b, 2)
			s.config(picture, 0)
			s.config(sound, 0)
			data := make([]byte, 10_000)
			data[2], data[3], data[4] = 0x27, 0x0c, 0x65 // one NAL unit
			at := time.Duration(0)
			write := func(key bool) {
				s.write(
					&av.Frame{Track: sound.ID, Codec: sound.Codec, Key: true, DTS: at, PTS: at, Data: sounds[0].Data},
					&av.Frame{Track: picture.ID, Codec: picture.Codec, Key: key, DTS: at, PTS: at, Data: data})
				at += time.Second / 30
			}
			write(true)
			ctx, cancel := context.WithCancel(b.Context())
			var ends []func() error
			var sent []*Progress
			for range n {
				to := s.target("rtmp://" + addr + "/live/key")
				p, end := s.sending(testRTMP, to)
				ends, sent = append(ends, end), append(sent, p)
			}
			all := func(frames uint64) {
				for _, p := range sent {
					for n, _, _ := p.Totals(); n < frames && ctx.Err() == nil; n, _, _ = p.Totals() {
						time.Sleep(20 * time.Microsecond)
					}
				}
			}
			all(1)
			first, _, _ := sent[0].Totals()
			frames := uint64(0)
			before := cpu()
			b.ReportAllocs()
			for b.Loop() {
				write(false)
				frames++
				time.Sleep(2 * time.Millisecond) // each picture comes alone
			}
			all(first + frames)
			b.ReportMetric(float64(cpu()-before)/float64(frames)/1e3, "cpu-µs/op")
			cancel()
			s.publisher.End(fmt.Errorf("over"))
			for _, end := range ends {
				_ = end()
			}
		})
	}
}

// cpu is the time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
