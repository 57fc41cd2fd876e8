package sender

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"weir/mux/av"
	"weir/room/live"
)

var both = live.PublishOptions{Tracks: 2}

// WE-13: a viewer begins at the key frame at hand, gets the group so far at once, and sound from now on.
func TestJoinsInAGroup(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		r.play(1500 * time.Millisecond) // half of the second group
		v := r.watch(nil)
		joined := time.Now()
		time.Sleep(200 * time.Millisecond) // no picture comes to wake the sender at once
		synctest.Wait()
		video := v.wire.of(testVideo.SSRC)
		numbers, keys := pictures(t, video)
		consecutive(t, numbers)
		if numbers[0] != groupSize || !keys[0] || numbers[len(numbers)-1] != uint32(r.n-1) {
			t.Errorf("pictures %v", numbers)
		}
		if took := video[len(video)-1].at.Sub(joined); took > 120*time.Millisecond {
			t.Errorf("the group took %v", took)
		}
		if sound := v.wire.of(testAudio.SSRC); len(sound) > 8 {
			t.Errorf("%d packets of old sound", len(sound))
		}
		r.play(time.Second)
		numbers, _ = pictures(t, v.wire.of(testVideo.SSRC))
		consecutive(t, numbers)
		if last := numbers[len(numbers)-1]; last != uint32(r.n-1) {
			t.Errorf("picture %d, the stream is at %d", last, r.n-1)
		}
		if r.wants > 0 {
			t.Errorf("%d key frames asked for", r.wants)
		}
		if err := v.leave(); !errors.Is(err, errTest) {
			t.Errorf("ended by %v", err)
		}
	})
}

// WE-13: without a key frame at hand one is asked for, for any number of viewers at most two at once.
func TestAsksForAKeyFrame(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		r.keys = false
		r.play(3900 * time.Millisecond)
		r.n = (r.n/groupSize + 1) * groupSize // a key frame next
		var all []*viewer
		for range 50 {
			all = append(all, r.watch(nil))
		}
		if r.wants == 0 || r.wants > 2 {
			t.Errorf("%d key frames asked for", r.wants)
		}
		r.keys = true
		r.play(500 * time.Millisecond)
		for _, v := range all {
			if _, keys := pictures(t, v.wire.of(testVideo.SSRC)); len(keys) == 0 || !keys[0] {
				t.Errorf("%d pictures", len(keys))
			}
			_ = v.leave()
		}
	})
}

func TestHeaders(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		v := r.watch(nil)
		r.play(2 * time.Second)
		var count uint16
		for i, p := range v.wire.packets {
			want := testVideo
			if p.SSRC == testAudio.SSRC {
				want = testAudio
			}
			if p.PayloadType != want.PayloadType || string(p.GetExtension(want.MIDExtension)) != want.MID {
				t.Fatalf("packet %d: %v", i, p.Header)
			}
			n := binary.BigEndian.Uint16(p.GetExtension(want.CountExtension))
			if i > 0 && n != count+1 {
				t.Fatalf("transport-wide number %d behind %d", n, count)
			}
			count = n
		}
		video, audio := v.wire.of(testVideo.SSRC), v.wire.of(testAudio.SSRC)
		for _, line := range [][]sent{video, audio} {
			if line[0].SequenceNumber >= 1<<15 {
				t.Errorf("first number %d: RFC 3711 3.3.1", line[0].SequenceNumber)
			}
		}
		for i := 1; i < len(audio); i++ {
			if d := audio[i].Timestamp - audio[i-1].Timestamp; d != 960 || audio[i].SequenceNumber != audio[i-1].SequenceNumber+1 || audio[i].Marker {
				t.Fatalf("sound %d: %v, %d ticks on", i, audio[i].Header, d)
			}
		}
		for i := 1; i < len(video); i++ {
			d := video[i].Timestamp - video[i-1].Timestamp
			if want := video[i-1].Marker; (d == 3000) != want || !want && d != 0 {
				t.Fatalf("packet %d is %d ticks on, behind a marker: %v", i, d, want)
			}
		}
		if v.wire.pending > 0 {
			t.Errorf("%d packets were not flushed", v.wire.pending)
		}
		_ = v.leave()
	})
}

// One flush for a picture that leaves at once; a key frame leaves over some milliseconds.
func TestPacing(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.size = func(i int) int {
			if i == 0 {
				return 150_000
			}
			return 7_000
		}
		r.begin()
		v := r.watch(nil)
		r.play(1900 * time.Millisecond)
		pieces := map[uint32]map[time.Time]int{} // of each picture, when how many packets left
		for _, p := range v.wire.of(testVideo.SSRC) {
			if pieces[p.Timestamp] == nil {
				pieces[p.Timestamp] = map[time.Time]int{}
			}
			pieces[p.Timestamp][p.at]++
		}
		for _, p := range pieces {
			total := 0
			first, last := time.Time{}, time.Time{}
			for at, n := range p {
				if n > 2*pieceSize {
					t.Errorf("%d packets left at once", n)
				}
				total += n
				if first.IsZero() || at.Before(first) {
					first = at
				}
				if at.After(last) {
					last = at
				}
			}
			switch spread := last.Sub(first); {
			case total < 20 && spread > 0:
				t.Errorf("a picture of %d packets left over %v", total, spread)
			case total > 100 && (spread < 10*time.Millisecond || spread > 40*time.Millisecond):
				t.Errorf("a key frame of %d packets left over %v", total, spread)
			}
		}
		_ = v.leave()
	})
}

// WE-15: both tracks have sender reports at their begin and once a second, on one NTP clock; the end is told.
func TestReports(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		r.play(500 * time.Millisecond)
		v := r.watch(nil)
		r.play(3500 * time.Millisecond)
		if err := v.leave(); !errors.Is(err, errTest) {
			t.Error(err)
		}
		reports := map[uint32][]*rtcp.SenderReport{}
		names, byes := map[uint32]string{}, map[uint32]bool{}
		for _, p := range v.wire.rtcp(t) {
			switch p := p.(type) {
			case *rtcp.SenderReport:
				reports[p.SSRC] = append(reports[p.SSRC], p)
			case *rtcp.SourceDescription:
				for _, c := range p.Chunks {
					names[c.Source] = c.Items[0].Text
				}
			case *rtcp.Goodbye:
				for _, ssrc := range p.Sources {
					byes[ssrc] = true
				}
			}
		}
		for _, line := range []*line{v.out.video, v.out.audio} {
			mine := reports[line.SSRC]
			if len(mine) < 4 || len(mine) > 6 {
				t.Fatalf("%d reports of %d in 3.5 s", len(mine), line.SSRC)
			}
			if names[line.SSRC] != "weir" || !byes[line.SSRC] {
				t.Errorf("source %d: name %q, goodbye %v", line.SSRC, names[line.SSRC], byes[line.SSRC])
			}
			for _, report := range mine {
				// RFC 3550 6.4.1: NTP and RTP time are of one instant. That of the stream's clock began with it.
				wall := time.Duration(int64(report.NTPTime>>32)+ntpEpoch)*time.Second + time.Duration(report.NTPTime&0xffffffff*1e9>>32)
				at := wall - time.Duration(r.pub.Stream().Started().UnixNano())
				want := uint32(av.Ticks(at, line.ClockRate)) + line.offset
				if d := int32(report.RTPTime - want); d < -2 || d > 2 {
					t.Errorf("source %d: RTP time is %d ticks off", line.SSRC, d)
				}
			}
			last := mine[len(mine)-1]
			if got := v.wire.of(line.SSRC); last.PacketCount == 0 || last.PacketCount > uint32(len(got)) || last.OctetCount == 0 {
				t.Errorf("source %d: %d packets, %d octets of %d packets", line.SSRC, last.PacketCount, last.OctetCount, len(got))
			}
		}
		if b := v.wire.reports[len(v.wire.reports)-1]; b[1] != typeReceiver {
			t.Error("RFC 3550 6.1: a compound packet begins with a report")
		}
	})
}

func nack(ssrc uint32, seqs ...uint16) []rtcp.Packet {
	return []rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)}}
}

// WE-14: what is asked for again comes as RFC 4588 has it.
func TestRetransmission(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		v := r.watch(nil)
		r.play(1500 * time.Millisecond)
		video := v.wire.of(testVideo.SSRC)
		lost := []sent{video[len(video)-40], video[len(video)-39], video[len(video)-3]}
		v.Feedback(nack(testVideo.SSRC, lost[0].SequenceNumber, lost[1].SequenceNumber, lost[2].SequenceNumber))
		again := v.wire.of(testVideo.RepairSSRC)
		if len(again) != len(lost) {
			t.Fatalf("%d packets came again", len(again))
		}
		for i, p := range again {
			if seq := binary.BigEndian.Uint16(p.payload); seq != lost[i].SequenceNumber || !bytes.Equal(p.payload[2:], lost[i].payload) {
				t.Errorf("RFC 4588 4: packet %d is another than %d", seq, lost[i].SequenceNumber)
			}
			if p.PayloadType != testVideo.RepairType || p.Timestamp != lost[i].Timestamp || p.Marker != lost[i].Marker {
				t.Errorf("header %v", p.Header)
			}
			if i > 0 && p.SequenceNumber != again[i-1].SequenceNumber+1 {
				t.Errorf("RFC 4588 4: number %d behind %d", p.SequenceNumber, again[i-1].SequenceNumber)
			}
		}
		if v.wire.pending > 0 {
			t.Error("not flushed")
		}
		_ = v.leave()
	})
}

// WE-14: without RTX the packet itself comes again, the same bytes under the same number.
func TestPlainRetransmission(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		v := r.watch(nil)
		r.play(time.Second)
		audio := v.wire.of(testAudio.SSRC)
		want := audio[len(audio)-5]
		v.Feedback(nack(testAudio.SSRC, want.SequenceNumber))
		got := v.wire.of(testAudio.SSRC)
		if len(got) != len(audio)+1 || !bytes.Equal(got[len(got)-1].bytes, want.bytes) {
			t.Errorf("%d packets more, the last %x instead of %x", len(got)-len(audio), got[len(got)-1].bytes, want.bytes)
		}
		r.play(100 * time.Millisecond)
		got = v.wire.of(testAudio.SSRC)
		if next := got[len(audio)+1]; next.SequenceNumber != audio[len(audio)-1].SequenceNumber+1 {
			t.Errorf("goes on at %d", next.SequenceNumber)
		}
		_ = v.leave()
	})
}

// A flood of requests is answered once in a round trip, within bounds, and only for what is held.
func TestNACKsAreBounded(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		v := r.watch(nil)
		r.play(3 * time.Second)
		count := func() int { return len(v.wire.of(testVideo.RepairSSRC)) }
		video := v.wire.of(testVideo.SSRC)
		newest := video[len(video)-1].SequenceNumber
		for range 100 {
			v.Feedback(nack(testVideo.SSRC, newest))
		}
		if n := count(); n != 1 {
			t.Errorf("%d copies at once", n)
		}
		time.Sleep(repairFirst)
		v.Feedback(nack(testVideo.SSRC, newest))
		if n := count(); n != 2 {
			t.Errorf("%d copies after a round trip", n)
		}
		for range 30 {
			time.Sleep(repairFirst)
			v.Feedback(nack(testVideo.SSRC, newest))
		}
		if n := count(); n != maxCopies {
			t.Errorf("%d copies at last", n)
		}
		v.Feedback(nack(testVideo.SSRC, newest+1, newest+1000, video[0].SequenceNumber-1))
		v.Feedback(nack(77, newest))
		if n := count(); n != maxCopies {
			t.Errorf("%d copies of what is not held", n-maxCopies)
		}
		for range 20 { // all there is, again and again
			var all []uint16
			for _, p := range video[len(video)-250:] {
				all = append(all, p.SequenceNumber)
			}
			v.Feedback(nack(testVideo.SSRC, all...))
			time.Sleep(repairFirst)
		}
		if n := count() * 1200 * 8; n > repairUnknown*7/4 {
			t.Errorf("%d bits sent again in a second", n)
		}
		_ = v.leave()
	})
}

// What a viewer wants is passed on, once for a key frame, and not for ever.
func TestKeyFrameRequests(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		v := r.watch(nil)
		r.play(3 * time.Second)
		before := r.wants
		ask := func() {
			v.Feedback([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: testVideo.SSRC}, &rtcp.FullIntraRequest{MediaSSRC: testVideo.SSRC}})
		}
		for range 100 {
			ask()
		}
		if n := r.wants - before; n != 1 {
			t.Errorf("%d key frames asked for at once", n)
		}
		r.play(5 * time.Second)
		ask()
		if n := r.wants - before; n != 2 {
			t.Errorf("%d key frames asked for", n)
		}
		for range 60 {
			r.play(time.Second)
			ask()
		}
		if n := r.wants - before; n < 2+60/5 || n > 2+wishBurst+60/5 {
			t.Errorf("%d key frames asked for by one who asks every second for a minute", n)
		}
		_ = v.leave()
	})
}

// RFC 3550 6.4.1: the round trip is what is left of the time since the report, without what the viewer kept it.
func TestRoundTrip(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		v := r.watch(nil)
		r.play(time.Second)
		var report *rtcp.SenderReport
		for _, p := range v.wire.rtcp(t) {
			if sr, ok := p.(*rtcp.SenderReport); ok && sr.SSRC == testVideo.SSRC {
				report = sr
			}
		}
		sentAt := time.Unix(int64(report.NTPTime>>32)+ntpEpoch, int64(report.NTPTime&0xffffffff*1e9>>32))
		time.Sleep(100 * time.Millisecond)
		kept := time.Since(sentAt) - 80*time.Millisecond
		v.Feedback([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{
			SSRC: testVideo.SSRC, LastSenderReport: uint32(report.NTPTime >> 16), Delay: uint32(kept * 65536 / time.Second), TotalLost: 7,
		}}}})
		if got := v.out.roundTrip; got < 79*time.Millisecond || got > 81*time.Millisecond {
			t.Errorf("round trip %v", got)
		}
		_ = v.leave()
	})
}

func TestEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		want error
		end  func(r *rig, v *viewer)
	}{
		{"the stream is over", ErrEnded, func(r *rig, _ *viewer) { r.pub.End(errTest) }},
		{"the connection is gone", ErrGone, func(r *rig, v *viewer) {
			v.wire.mu.Lock()
			v.wire.err = errTest
			v.wire.mu.Unlock()
			r.play(time.Second)
		}},
		{"another codec", ErrChanged, func(r *rig, _ *viewer) {
			r.write(&av.Frame{Track: 1, Kind: av.KindConfig, Codec: av.CodecVP9, DTS: r.pub.Stream().Now(), Config: &av.Track{
				ID: 1, Codec: av.CodecVP9, ClockRate: 90000, Config: []byte{1},
			}})
		}},
		{"the context's cause", errTest, func(_ *rig, v *viewer) { v.stop(errTest) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, both, func(r *rig) {
				r.begin()
				v := r.watch(nil)
				r.play(time.Second)
				c.end(r, v)
				if err := <-v.done; !errors.Is(err, c.want) {
					t.Errorf("ended by %v", err)
				}
				v.stop(nil)
			})
		})
	}
}

// Pictures that are over end the session: the last one would stand while the sound goes on. Sound may go and come back.
func TestTrackIsOver(t *testing.T) {
	for _, tc := range []struct {
		id    av.TrackID
		codec av.Codec
		want  error
	}{{1, av.CodecH264, ErrChanged}, {2, av.CodecOpus, errTest}} {
		inBubble(t, both, func(r *rig) {
			r.begin()
			v := r.watch(nil)
			r.play(time.Second)
			at := r.pub.Stream().Now()
			r.write(&av.Frame{Track: tc.id, Kind: av.KindConfig, Codec: tc.codec, DTS: at})
			time.Sleep(time.Second) // no picture comes to wake the sender at once
			synctest.Wait()
			if err := v.leave(); !errors.Is(err, tc.want) {
				t.Errorf("%v is over, and the sender ends with %v", tc.codec, err)
			}
		})
	}
}

// A viewer that was declined video has to ask again when it comes; one that did not ask for it goes on.
func TestVideoComesLater(t *testing.T) {
	for _, declined := range []bool{true, false} {
		inBubble(t, both, func(r *rig) {
			r.begin()
			v := r.watch(func(o *Options) { o.Video, o.Declined = nil, declined })
			r.play(time.Second)
			if err := v.leave(); errors.Is(err, ErrChanged) != declined {
				t.Errorf("declined %v: the sender ends with %v", declined, err)
			}
		})
	}
}

// A picture that WebRTC has no order for ends the session, and is found before one begins.
func TestBFrames(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		r.play(500 * time.Millisecond)
		if err := InOrder(r.pub.Stream(), false); err != nil {
			t.Errorf("before: %v", err)
		}
		v := r.watch(nil)
		at := time.Duration(r.n) * frameTime
		for i, pts := range []time.Duration{at + 3*frameTime, at + frameTime} {
			f := pictureOf(1, at+time.Duration(i)*frameTime, false, 100, 0x41, 0)
			f.PTS = pts
			r.write(f)
		}
		if err := <-v.done; !errors.Is(err, ErrBFrames) {
			t.Errorf("ended by %v", err)
		}
		if err := InOrder(r.pub.Stream(), false); !errors.Is(err, ErrBFrames) {
			t.Errorf("behind: %v", err)
		}
		v.stop(nil)
	})
}

// B pictures that nothing depends on are left out, and the rest plays.
func TestNonReferenceBFrames(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		r.play(500 * time.Millisecond)
		v := r.watch(nil)
		at := time.Duration(r.n) * frameTime
		for i := range 10 {
			dts := at + time.Duration(2*i)*frameTime
			p := pictureOf(1, dts, false, 100, 0x41, uint32(1000+i))
			p.PTS = dts + 2*frameTime
			b := pictureOf(1, dts+frameTime, false, 100, 0x01, 0)
			b.PTS = dts + frameTime
			r.write(p)
			r.write(b)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		numbers, _ := pictures(t, v.wire.of(testVideo.SSRC))
		numbers = numbers[len(numbers)-10:]
		consecutive(t, numbers)
		if numbers[0] != 1000 || InOrder(r.pub.Stream(), false) != nil {
			t.Errorf("pictures %v", numbers)
		}
		if err := InOrder(r.pub.Stream(), true); !errors.Is(err, ErrBFrames) {
			t.Errorf("to one who wants all pictures: %v", err)
		}
		_ = v.leave()
	})
}

// TestLive: who puts media into its time as it comes gets pictures and sound of one time at one time: from a key frame on that is
// asked for, or from the one at hand where the publisher makes none.
func TestLive(t *testing.T) {
	for _, c := range []struct {
		name  string
		at    time.Duration // in groups of a second
		first uint32
	}{
		{"a key frame comes", 1800 * time.Millisecond, 2 * groupSize},
		{"none comes", 1400 * time.Millisecond, groupSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, both, func(r *rig) {
				r.begin()
				r.play(c.at)
				v := r.watch(func(o *Options) { o.Live = true })
				if r.wants != 1 {
					t.Errorf("%d key frames asked for", r.wants)
				}
				r.play(700 * time.Millisecond)
				video, audio := v.wire.of(testVideo.SSRC), v.wire.of(testAudio.SSRC)
				numbers, keys := pictures(t, video)
				if numbers[0] != c.first || !keys[0] {
					t.Fatalf("it begins with picture %d, want %d", numbers[0], c.first)
				}
				consecutive(t, numbers)
				pictureLate := video[0].at.Add(-time.Duration(c.first) * frameTime)
				sound := time.Duration(binary.LittleEndian.Uint16(audio[0].payload[1:])) * packetTime
				if apart := audio[0].at.Add(-sound).Sub(pictureLate); apart.Abs() > 60*time.Millisecond {
					t.Errorf("sound comes %v from where pictures do", apart)
				}
				_ = v.leave()
			})
		})
	}
}
