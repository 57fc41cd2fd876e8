package depacket

import "time"

const (
	// maxReportOff is how far a report's RTP timestamp may be from the present: it is sent with an extrapolated one.
	maxReportOff = 10 * time.Second
	// reportJitter is how far a report may be from those before: senders read two clocks one after the other.
	reportJitter = 100 * time.Millisecond
	// reportAgree reports in a row that agree with one another and not with those before are believed after
	// reportDoubt: the sender's clock was set. By then the other tracks' reports will have said so too.
	reportAgree = 3
	reportDoubt = 8 * time.Second
	// reportOld is when reports are too old to go by: they should come every 5 s or more often (RFC 3550 6.2).
	reportOld = 30 * time.Second
	// reportGain is the part of a new report in their mean.
	reportGain = 4
)

// senderReport is what the sender reports of a track say: the NTP time of its timestamps.
type senderReport struct {
	count   int           // that agree, at most reportGain
	offset  time.Duration // NTP time minus the track's time before the shift
	at      time.Duration // when the last good one came
	doubt   int           // how many in a row said otherwise
	since   time.Duration // when the first of them came
	instead time.Duration // what they said
}

// note takes the offset that a report says.
func (r *senderReport) note(offset, now time.Duration) {
	switch {
	case r.count == 0:
		r.count, r.offset, r.at = 1, offset, now
	case near(offset, r.offset):
		r.count = min(r.count+1, reportGain)
		r.offset += (offset - r.offset) / time.Duration(r.count)
		r.at, r.doubt = now, 0
	case r.doubt > 0 && near(offset, r.instead):
		if r.doubt++; r.doubt >= reportAgree && now-r.since >= reportDoubt {
			*r = senderReport{count: 1, offset: offset, at: now}
		}
	default:
		r.doubt, r.since, r.instead = 1, now, offset
	}
}

// good tells whether the offset can be gone by.
func (r *senderReport) good(now time.Duration) bool {
	return r.count > 0 && r.doubt == 0 && now-r.at < reportOld
}

func near(a, b time.Duration) bool { return max(a-b, b-a) <= reportJitter }

const (
	// ntpToUnix is how many seconds the epoch of NTP is before that of Unix (RFC 5905, figure 4).
	ntpToUnix = 2208988800
	ntpEra    = 1 << 32
)

// ntpTime is the time since the Unix epoch of an NTP timestamp, 32 bits of seconds and 32 of their fraction (RFC 3550
// 4). Those of the era before 1968 are of the one that begins in 2036.
func ntpTime(ntp uint64) time.Duration {
	seconds := int64(ntp >> 32)
	if seconds < ntpEra/2 {
		seconds += ntpEra
	}
	return time.Duration(seconds-ntpToUnix)*time.Second + time.Duration((ntp&(ntpEra-1))*1e9>>32)
}
