package report

import (
	"slices"
	"strings"

	"weir/bench/measure"
)

// aboveFloor is a figure that is not measured: the cost as a multiple of the floor's in the same case.
const aboveFloor = "above_floor"

// column is a figure of a table.
type column struct {
	title, figure string
	digits        int
}

// chart shows one figure of all runs.
type chart struct{ title, figure string }

// scenario is how the results of one are shown.
type scenario struct {
	name, title, about string
	columns            []column
	charts             []chart
	cost, floor        string // the figure that is compared with the floor's, and which form that is; empty: none is
}

var scenarios = []scenario{
	{
		name: "fanout-flv", title: "HTTP-FLV fan-out", cost: "cpu_s_per_gb", floor: "floor, goroutines",
		about: "One 720p stream of 2 Mbit/s, published by WHIP with Opus, to so many viewers, at several joinings, which `flv.join_max` keeps from growing here. What the stream itself " +
			"costs (to be received, its sound made into AAC) is part of CPU-s/GB; \"viewers alone\" is without it. The floor has no such " +
			"work: it sends what a viewer of weir got, out of memory, by a goroutine a viewer (which \"× floor\" compares with) or from one thread.",
		columns: []column{
			{"CPU-s/GB", "cpu_s_per_gb", 2},
			{"viewers alone", "cpu_s_per_gb_of_viewers", 2},
			{"× floor", aboveFloor, 2},
			{"% of a core", "cpu_percent", 1},
			{"delay p50, ms", "delay_ms_p50", 0},
			{"p95", "delay_ms_p95", 0},
			{"KB a viewer", "kb_per_viewer", 0},
			{"publisher's write p99, µs", "publisher_write_us_p99", 0},
			{"first key frame p50, ms", "first_key_frame_ms_p50", 1},
		},
		charts: []chart{{"CPU-s per delivered GB", "cpu_s_per_gb"}, {"Delay p50, ms", "delay_ms_p50"}},
	},
	{
		name: "fanout-whep", title: "WHEP fan-out", cost: "cpu_us_per_packet", floor: "floor, srtp",
		about: "The same stream to so many WebRTC viewers, who send receiver reports and transport-wide feedback. The floor sends the " +
			"pictures' packets to as many sockets: one system call a packet, with segmentation offload, and encrypted as well, which \"× floor\" compares with.",
		columns: []column{
			{"µs/packet", "cpu_us_per_packet", 2},
			{"× floor", aboveFloor, 2},
			{"CPU-s/GB", "cpu_s_per_gb", 2},
			{"% of a core", "cpu_percent", 1},
			{"delay p50, ms", "delay_ms_p50", 0},
			{"p95", "delay_ms_p95", 0},
			{"KB a viewer", "kb_per_viewer", 0},
			{"connect p50, ms", "connect_ms_p50", 0},
			{"first key frame p50, ms", "first_key_frame_ms_p50", 0},
			{"packets lost, %", "lost_percent", 2},
		},
		charts: []chart{{"CPU µs per packet", "cpu_us_per_packet"}},
	},
	{
		name: "floor", title: "The floor alone",
		about: "The least programs that send the same bytes to as many sockets: a recording over TCP, by a goroutine a viewer or from " +
			"one thread, at several joinings; and packets over UDP (case WHEP), by one system call each, by segmentation offload, and " +
			"encrypted as well.",
		columns: []column{
			{"CPU-s/GB", "cpu_s_per_gb", 2},
			{"µs/packet", "cpu_us_per_packet", 2},
			{"% of a core", "cpu_percent", 1},
			{"delay p50, ms", "delay_ms_p50", 0},
			{"KB a viewer", "kb_per_viewer", 0},
		},
	},
	{
		name: "fanout-hls", title: "HLS players",
		about: "The same stream to players that keep to RFC 8216bis: they begin the hold-back away from the playlist's end, three target " +
			"durations or three parts, reload once a target duration or wait in blocking reloads, and get every segment or part once. " +
			"\"Behind\" is where they play against the capture; \"delay\" is from the publisher's send of a picture to its arrival with its segment.",
		columns: []column{
			{"requests/s", "requests_per_s", 0},
			{"CPU-s/GB", "cpu_s_per_gb", 2},
			{"players alone", "cpu_s_per_gb_of_viewers", 2},
			{"µs/request", "cpu_us_per_request", 0},
			{"behind p50, s", "behind_s_p50", 1},
			{"delay p50, ms", "delay_ms_p50", 0},
			{"stalls", "stalls", 0},
			{"KB a player", "kb_per_viewer", 0},
		},
		charts: []chart{{"CPU-s per delivered GB", "cpu_s_per_gb"}},
	},
	{
		name: "push", title: "Pushes to RTMP servers",
		about: "The same stream pushed to so many RTMP servers. What the stream itself costs, its sound made into AAC and its tags made once for all, " +
			"is in the first line; \"a further one\" is what each destination beyond that takes.",
		columns: []column{
			{"% of a core", "cpu_percent", 1},
			{"a further one, % of a core", "cpu_percent_per_further", 3},
			{"CPU-s/GB", "cpu_s_per_gb", 2},
			{"RSS, MB", "rss_mb", 0},
			{"lags", "lags", 0},
		},
	},
	{
		name: "join-storm", title: "Join storm",
		about: "Viewers of a stream that nobody watched come within one second.",
		columns: []column{
			{"key frames asked for", "key_frame_requests", 0},
			{"first picture p50, ms", "first_key_frame_ms_p50", 1},
			{"p95", "first_key_frame_ms_p95", 1},
			{"most", "first_key_frame_ms_max", 1},
			{"without one", "without_picture", 0},
			{"CPU ms a viewer", "cpu_ms_per_viewer", 2},
		},
	},
	{
		name: "slow-viewers", title: "Slow viewers",
		about: "Viewers that read nothing join a stream of 6 Mbit/s that others watch picture by picture. Then one viewer stops for " +
			"5 s and continues: \"near live\" is how long after that its pictures are less than a second old.",
		columns: []column{
			{"memory grew, MiB", "memory_growth_mb", 0},
			{"cut", "cut", 0},
			{"all within, s", "cut_s", 1},
			{"pictures the others missed", "missed_pictures", 0},
			{"near live after, ms", "near_live_ms", 0},
		},
	},
	{
		name: "room-channel", title: "Room channel", cost: "cpu_s_per_million", floor: "floor",
		about: "One room that says 40 messages a second of 200 bytes, by REST, to so many anonymous members on WebSockets, with priorities, " +
			"filter, numbers and history on. A delivery is one message to one member. The floor writes the same bytes to each member once a window " +
			"of 250 ms. Members and the server share the machine, so that delays are those of a machine with nothing left.",
		columns: []column{
			{"CPU-s/million deliveries", "cpu_s_per_million", 2},
			{"× floor", aboveFloor, 2},
			{"% of a core", "cpu_percent", 0},
			{"messages/s to each", "messages_per_member_s", 1},
			{"KB a member", "kb_per_member", 0},
			{"delay p50, ms", "delay_ms_p50", 0},
			{"p99", "delay_ms_p99", 0},
			{"cut", "cut", 0},
		},
		charts: []chart{{"CPU-s per million deliveries", "cpu_s_per_million"}},
	},
	{
		name: "latency", title: "Delay",
		about: "From the publisher's send of a picture to its arrival at a viewer, with a few viewers: what the server itself adds.",
		columns: []column{
			{"p50, ms", "delay_ms_p50", 1},
			{"p95", "delay_ms_p95", 1},
			{"p99", "delay_ms_p99", 1},
			{"first key frame p50, ms", "first_key_frame_ms_p50", 1},
		},
		charts: []chart{{"Delay p50, ms", "delay_ms_p50"}},
	},
	{
		name: "ingest", title: "Publishers",
		about: "So many publish 360p of 500 kbit/s with Opus by WHIP, and nobody watches.",
		columns: []column{
			{"% of a core a stream", "cpu_percent_per_stream", 2},
			{"µs/packet", "cpu_us_per_packet", 1},
			{"MB a stream", "mb_per_stream", 2},
			{"packets asked again", "asked_again", 0},
			{"connect p50, ms", "connect_ms_p50", 0},
		},
		charts: []chart{{"% of a core a stream", "cpu_percent_per_stream"}},
	},
}

func find(name string) (scenario, bool) {
	i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
	if i < 0 {
		return scenario{}, false
	}
	return scenarios[i], true
}

// caseOf is the run's case without what it says behind a comma, such as what the default is.
func caseOf(r measure.Run) string {
	if before, _, ok := strings.Cut(r.Case, ","); ok && before == "default" {
		return before
	}
	return r.Case
}

// value is a figure of a run among others.
func (s scenario) value(runs []measure.Run, r measure.Run, figure string) (float64, bool) {
	if figure != aboveFloor {
		v, ok := r.Figures[figure]
		return v, ok
	}
	i := slices.IndexFunc(runs, func(x measure.Run) bool {
		return x.Program == s.floor && x.Case == r.Case && x.Viewers == r.Viewers
	})
	if i < 0 || r.Program != "weir" || runs[i].Figures[s.cost] == 0 {
		return 0, false
	}
	return r.Figures[s.cost] / runs[i].Figures[s.cost], true
}
