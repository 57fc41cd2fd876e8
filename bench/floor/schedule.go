package floor

import "time"

// batch are the bytes of one write to every viewer.
type batch struct {
	due  time.Duration // since the beginning of the recording
	data []byte
}

// batches joins the tags of a recording. Without a joining every picture is one write, and the sound rides along with
// the next one.
func (r *Recording) batches(join time.Duration) []batch {
	var out []batch
	var data []byte
	begin := time.Duration(0)
	for _, t := range r.Tags {
		data = append(data, t.Data...)
		picture, _ := t.Picture()
		if join == 0 && picture || join > 0 && t.DTS-begin >= join {
			out = append(out, batch{t.DTS, data})
			data, begin = nil, t.DTS
		}
	}
	if len(data) > 0 {
		out = append(out, batch{r.Length, data})
	}
	return out
}

// pace calls send with every batch at its time, round after round, until stop is closed.
func pace(batches []batch, length time.Duration, origin time.Time, stop <-chan struct{}, send func([]byte)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for begin := origin; ; begin = begin.Add(length) {
		for _, b := range batches {
			timer.Reset(time.Until(begin.Add(b.due)))
			select {
			case <-stop:
				return
			case <-timer.C:
			}
			send(b.data)
		}
	}
}
