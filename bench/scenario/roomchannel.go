//go:build linux

package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/bench/crowd"
	"weir/bench/measure"
)

const (
	// channelRoom is the room that all members are in.
	channelRoom = "bench"
	// channelRate is how many messages a second are said in it, channelText how long each is.
	channelRate = 40
	channelText = 200
)

// RoomChannel measures what members of one room cost that says 40 messages of 200 bytes a second: first the server, then
// the floor, which writes the same bytes to every member once a window. Numbers rise while a program runs.
func RoomChannel(ctx context.Context, o Options) ([]measure.Run, error) {
	slices.Sort(o.Viewers)
	var runs []measure.Run
	for range o.Repeat {
		more, frame, err := o.roomChannelWeir(ctx)
		if err != nil {
			return nil, err
		}
		runs = append(runs, more...)
		for range o.Floors {
			if more, err = o.roomChannelFloor(ctx, frame); err != nil {
				return nil, err
			}
			runs = append(runs, more...)
		}
	}
	return runs, nil
}

// roomChannelWeir measures the server, and tells how many bytes a member gets with each window.
func (o *Options) roomChannelWeir(ctx context.Context) (runs []measure.Run, frame int, err error) {
	s, err := measure.Start(ctx, o.Weir, append([]string{"WEIR_AUTH_ADMINS=bench"}, o.Settings...)...)
	if err != nil {
		return nil, 0, err
	}
	defer s.Stop()
	c := &caller{server: s, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * channelRate}}}
	defer c.client.CloseIdleConnections()
	create := map[string]any{"Type": "AVChatRoom", "Name": channelRoom, "GroupId": channelRoom}
	if err := c.call(ctx, "group_open_http_svc/create_group", create); err != nil {
		return nil, 0, err
	}
	r, err := newAssembly(ctx, s.Process)
	if err != nil {
		return nil, 0, err
	}
	r.hush = c.hushed.Store
	r.work.Go(func() error { return c.talk(r.ctx) })
	defer func() { err = errors.Join(err, r.end()) }()
	runs, err = o.assemble(r, "weir", s.HTTP, func(watch func() (map[string]float64, error)) (map[string]float64, error) {
		figures, err := o.serverFigures(r.ctx, s, watch)
		if err == nil {
			delete(figures, "lags") // of media
		}
		return figures, err
	})
	if len(runs) > 0 {
		f := runs[len(runs)-1].Figures
		frame = int(f["bytes_per_member_s"] * channelWindow.Seconds())
	}
	return runs, frame, err
}

// channelWindow is how long the server collects messages by default, and the floor waits between two writes.
const channelWindow = 250 * time.Millisecond

// assembly are members and what they measure.
type assembly struct {
	process *measure.Process
	members *crowd.Members
	n       int
	ctx     context.Context // ends with what runs
	cancel  context.CancelFunc
	work    *errgroup.Group
	hush    func(bool) // whether nobody is to talk, while members join
}

func newAssembly(ctx context.Context, p *measure.Process) (*assembly, error) {
	members, err := crowd.NewMembers()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	work, ctx := errgroup.WithContext(ctx)
	r := &assembly{process: p, members: members, ctx: ctx, cancel: cancel, work: work, hush: func(bool) {}}
	work.Go(func() error { return members.Run(ctx) })
	return r, nil
}

func (r *assembly) end() error {
	r.cancel()
	err := r.work.Wait()
	r.members.Close()
	return err
}

// assemble measures every number of members of one program.
func (o *Options) assemble(r *assembly, program, addr string,
	around func(func() (map[string]float64, error)) (map[string]float64, error),
) ([]measure.Run, error) {
	base, err := r.process.Usage()
	if err != nil {
		return nil, err
	}
	var runs []measure.Run
	for _, n := range o.Viewers {
		r.hush(true)
		for ; r.n < n; r.n++ {
			if err := r.join(addr); err != nil {
				return nil, fmt.Errorf("member %d: %w", r.n, err)
			}
		}
		r.hush(false)
		if err := measure.Wait(r.ctx, o.Settle); err != nil {
			return nil, err
		}
		figures, err := around(func() (map[string]float64, error) { return r.watch(o.Duration, o.Probes, base.RSS) })
		if err != nil {
			return nil, err
		}
		o.say("%s, %d members: %.2f CPU-s/million, %.0f KB each, p99 %.0f ms, %.1f messages/s", program, n,
			figures["cpu_s_per_million"], figures["kb_per_member"], figures["delay_ms_p99"], figures["messages_per_member_s"])
		runs = append(runs, measure.Run{Program: program, Case: "40 messages/s of 200 bytes", Viewers: n, Figures: figures})
	}
	return runs, nil
}

// join lets one more member in. A machine with nothing left may be too late for the time that a login has.
func (r *assembly) join(addr string) (err error) {
	for range 3 {
		if err = r.members.Join(addr, channelRoom); err == nil {
			return nil
		}
	}
	return err
}

// watch tells what the members got, and what that cost.
func (r *assembly) watch(d time.Duration, probes, base int) (map[string]float64, error) {
	r.members.Probe(probes)
	bytes, messages := r.members.Bytes(), r.members.Messages()
	own := ownCPU()
	before, after, err := r.process.During(r.ctx, d)
	if err != nil {
		return nil, err
	}
	seconds := after.At.Sub(before.At).Seconds()
	got := float64(r.members.Messages() - messages)
	delays := r.members.Delays()
	return map[string]float64{
		"seconds":               seconds,
		"messages_per_member_s": got / float64(r.n) / seconds,
		"bytes_per_member_s":    float64(r.members.Bytes()-bytes) / float64(r.n) / seconds,
		"cpu_s_per_million":     (after.CPU - before.CPU).Seconds() / got * 1e6,
		"cpu_percent":           100 * (after.CPU - before.CPU).Seconds() / seconds,
		"members_cpu_percent":   100 * (ownCPU() - own).Seconds() / seconds,
		"kb_per_member":         float64(after.RSS-base) / 1024 / float64(r.n),
		"delay_ms_p50":          measure.Percentile(delays, 50),
		"delay_ms_p99":          measure.Percentile(delays, 99),
		"cut":                   float64(r.members.Closed()),
	}, nil
}

// caller calls the REST interface of the channel as the administrator.
type caller struct {
	server *measure.Server
	client *http.Client
	hushed atomic.Bool
}

// call makes one call.
func (c *caller) call(ctx context.Context, command string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	query := url.Values{
		"sdkappid": {"1400000000"}, "identifier": {"bench"}, "usersig": {c.server.Token}, "random": {"1"}, "contenttype": {"json"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.server.HTTP+"/v4/"+command+"?"+query.Encode(), bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("cannot call %s: %w", command, err)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("cannot call %s: %w", command, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("cannot call %s: %w", command, err)
	}
	var said struct {
		ErrorCode int
		ErrorInfo string
	}
	if err := json.Unmarshal(answer, &said); err != nil || said.ErrorCode != 0 {
		return fmt.Errorf("cannot call %s: %d %s", command, said.ErrorCode, said.ErrorInfo)
	}
	return nil
}

// talk says messages until ctx ends, which is no error. Who says one does not wait for the answer to the one before.
func (c *caller) talk(ctx context.Context) error {
	tick := time.NewTicker(time.Second / channelRate)
	defer tick.Stop()
	var said errgroup.Group
	said.SetLimit(2 * channelRate)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			if c.hushed.Load() {
				continue
			}
			said.Go(func() error { return c.say(ctx) })
		}
	}
	return said.Wait()
}

// say says one message.
func (c *caller) say(ctx context.Context) error {
	text := fmt.Sprintf("t%d ", time.Now().UnixNano())
	text += strings.Repeat("x", channelText-len(text))
	err := c.call(ctx, "group_open_http_svc/send_group_msg", map[string]any{
		"GroupId": channelRoom, "Random": rand.Uint32(),
		"MsgBody": []any{map[string]any{"MsgType": "TIMTextElem", "MsgContent": map[string]string{"Text": text}}},
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// roomChannelFloor measures the least program that writes a frame of that size to every member once a window.
func (o *Options) roomChannelFloor(ctx context.Context, frame int) (runs []measure.Run, err error) {
	process, ready, err := o.launchFloor(ctx, "-form", "window", "-frame", strconv.Itoa(frame), "-join", channelWindow.String())
	if err != nil {
		return nil, err
	}
	defer process.Stop()
	r, err := newAssembly(ctx, process)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.end()) }()
	return o.assemble(r, "floor", ready.Listening, func(watch func() (map[string]float64, error)) (map[string]float64, error) {
		figures, err := watch()
		delete(figures, "delay_ms_p50") // its messages have no time
		delete(figures, "delay_ms_p99")
		return figures, err
	})
}
