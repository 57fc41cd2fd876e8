package store

import (
	"context"
	"strings"
	"time"
)

// Recording is what was or is recorded of a stream. Its files are apart from its row, since they come one after the other.
type Recording struct {
	App int
	// ID is greater than those of all recordings that began before it.
	ID           string
	Room, Stream string
	// Node names the folder that its files are written into; one server at a time has it.
	Node string
	// Running says that more may come. State says how it is, in the words of who records, and Reason why.
	Running bool
	State   string
	Reason  string
	Format  string
	User    string // who published
	By      string // who had it recorded; empty: a rule
	// Begun and Ended are of the recording, Ended zero while it runs.
	Begun, Ended time.Time
	// Lags are how often a part is missing since the disk was too slow.
	Lags int
	// Doomed says that its app was deleted: it is nobody's, and there until its files are erased. PutRecording leaves that.
	Doomed bool
	Files  []RecordingFile
}

// RecordingFile is a file of a recording.
type RecordingFile struct {
	// N numbers the files of a recording from 1 on; Name is the file's.
	N    int    `json:"-"`
	Name string `json:"name"`
	// Complete says that nothing more is written to it, Remote that it is in the bucket.
	Complete bool `json:"complete,omitempty"`
	Remote   bool `json:"remote,omitempty"`
	// Begin is when the first of its media was captured, Duration that of the media, Size that of the file.
	Begin    time.Time     `json:"begin"`
	Duration time.Duration `json:"duration"`
	Size     int64         `json:"size"`
	// Init is the size of what stands before the first segment and every player needs.
	Init int64 `json:"init,omitempty"`
	// Segments are where the file can be cut for HLS. Only SegmentsOf reads them.
	Segments []RecordingSegment `json:"-"`
}

// RecordingSegment is a part of a file that begins with a key frame.
type RecordingSegment struct {
	Offset   int64         `json:"o"`
	Size     int64         `json:"s"`
	Duration time.Duration `json:"d"`
}

// recordingFacts are what no query asks for, as they are stored.
type recordingFacts struct {
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	Format string `json:"format"`
	User   string `json:"user,omitempty"`
	By     string `json:"by,omitempty"`
	Ended  int64  `json:"ended,omitempty"`
	Lags   int    `json:"lags,omitempty"`
}

// PutRecording adds a recording, or puts what is said of one in the place of what was. Its files stay.
func (s *Store) PutRecording(ctx context.Context, r *Recording) error {
	facts, err := pack(recordingFacts{r.State, r.Reason, r.Format, r.User, r.By, millis(r.Ended), r.Lags})
	if err != nil {
		return err
	}
	return s.write(ctx, "keep a recording", func(a access) error {
		_, err := a.exec(`INSERT INTO recordings (app, id, room, stream, node, running, begun, facts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (app, id) DO UPDATE SET running = excluded.running, facts = excluded.facts`,
			r.App, r.ID, r.Room, r.Stream, r.Node, number(r.Running), millis(r.Begun), facts)
		return err
	})
}

// PutRecordingFile adds a file of a recording, or puts it in the place of the one of its number; ErrNotFound where there is
// no such recording.
func (s *Store) PutRecordingFile(ctx context.Context, app int, id string, f *RecordingFile) error {
	facts, err := pack(f)
	if err != nil {
		return err
	}
	segments, err := pack(f.Segments)
	if err != nil {
		return err
	}
	return s.write(ctx, "keep a file of a recording", func(a access) error {
		if _, err := one(a, single[string], "SELECT id FROM recordings WHERE app = $1 AND id = $2", app, id); err != nil {
			return err
		}
		_, err := a.exec(`INSERT INTO recording_files (app, recording, n, facts, segments) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (app, recording, n) DO UPDATE SET facts = excluded.facts, segments = excluded.segments`,
			app, id, f.N, facts, segments)
		return err
	})
}

// SetRecordingRemote says that a file is in the bucket; ErrNotFound where there is none.
func (s *Store) SetRecordingRemote(ctx context.Context, app int, id string, n int) error {
	return s.write(ctx, "move a file of a recording", func(a access) error {
		f, err := one(a, scanRecordingFile, selectRecordingFiles+" WHERE app = $1 AND recording = $2 AND n = $3", app, id, n)
		if err != nil {
			return err
		}
		f.Remote = true
		facts, err := pack(&f.RecordingFile)
		if err != nil {
			return err
		}
		_, err = a.exec("UPDATE recording_files SET facts = $4 WHERE app = $1 AND recording = $2 AND n = $3", app, id, n, facts)
		return err
	})
}

// DeleteRecordingFile deletes a file's row, and passes over one that is not there.
func (s *Store) DeleteRecordingFile(ctx context.Context, app int, id string, n int) error {
	return s.write(ctx, "delete a file of a recording", func(a access) error {
		_, err := a.exec("DELETE FROM recording_files WHERE app = $1 AND recording = $2 AND n = $3", app, id, n)
		return err
	})
}

// DeleteRecording deletes a recording with its files' rows, or returns ErrNotFound.
func (s *Store) DeleteRecording(ctx context.Context, app int, id string) error {
	return s.write(ctx, "delete a recording", func(a access) error {
		n, err := a.exec("DELETE FROM recordings WHERE app = $1 AND id = $2", app, id)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

// DoomRecordings says of all recordings of an app that they are to be erased, as DeleteApp does.
func (s *Store) DoomRecordings(ctx context.Context, app int) error {
	return s.write(ctx, "doom the recordings of an app", func(a access) error { return doomRecordings(a, app) })
}

func doomRecordings(a access, app int) error {
	_, err := a.exec("UPDATE recordings SET doomed = 1 WHERE app = $1 AND doomed = 0", app)
	return err
}

// Recording is the recording with an id and its files, doomed or not, or ErrNotFound.
func (s *Store) Recording(ctx context.Context, app int, id string) (r Recording, err error) {
	err = s.read(ctx, "read a recording", func(a access) error {
		if r, err = one(a, scanRecording, selectRecordings+" WHERE app = $1 AND id = $2", app, id); err != nil {
			return err
		}
		some := []Recording{r}
		err := withFiles(a, some)
		r = some[0]
		return err
	})
	return r, err
}

// RecordingQuery says which recordings are wanted. Empty texts are any.
type RecordingQuery struct {
	Room, Stream string
	// Before are those whose ids are smaller, which began before it.
	Before string
	Limit  int
}

// Recordings are an app's with their files, the newest first, without those that are doomed.
func (s *Store) Recordings(ctx context.Context, app int, q RecordingQuery) (all []Recording, err error) {
	where, args := []string{"app = $1", "doomed = 0"}, []any{app}
	add := func(condition string, value any) {
		args = append(args, value)
		where = append(where, condition+places(len(args), 1))
	}
	if q.Room != "" {
		add("room = ", q.Room)
	}
	if q.Stream != "" {
		add("stream = ", q.Stream)
	}
	if q.Before != "" {
		add("id < ", q.Before)
	}
	query := selectRecordings + " WHERE " + strings.Join(where, " AND ") + " ORDER BY id DESC"
	args = append(args, q.Limit)
	return s.recordings(ctx, query+" LIMIT "+places(len(args), 1), args...)
}

// DoomedRecordings are so many of all apps and nodes behind one of them, with their files.
func (s *Store) DoomedRecordings(ctx context.Context, app int, id string, limit int) ([]Recording, error) {
	return s.recordings(ctx, selectRecordings+" WHERE doomed = 1 AND (app > $1 OR app = $1 AND id > $2) ORDER BY app, id LIMIT $3", app, id, limit)
}

// RecordingsOf are those of a node with their files, the oldest first, doomed ones among them.
func (s *Store) RecordingsOf(ctx context.Context, node string) ([]Recording, error) {
	return s.recordings(ctx, selectRecordings+" WHERE node = $1 ORDER BY id, app", node)
}

func (s *Store) recordings(ctx context.Context, query string, args ...any) (all []Recording, err error) {
	err = s.read(ctx, "list recordings", func(a access) error {
		if all, err = list(a, scanRecording, query, args...); err != nil {
			return err
		}
		return withFiles(a, all)
	})
	return all, err
}

// SegmentsOf are the files of a recording with their segments, in order.
func (s *Store) SegmentsOf(ctx context.Context, app int, id string) (files []RecordingFile, err error) {
	err = s.read(ctx, "read the segments of a recording", func(a access) error {
		files, err = list(a, func(scan scanner) (RecordingFile, error) {
			var f RecordingFile
			var facts, segments []byte
			if err := scan(&f.N, &facts, &segments); err != nil {
				return f, err
			}
			if err := unpack(facts, &f); err != nil {
				return f, err
			}
			return f, unpack(segments, &f.Segments)
		}, "SELECT n, facts, segments FROM recording_files WHERE app = $1 AND recording = $2 ORDER BY n", app, id)
		return err
	})
	return files, err
}

const (
	selectRecordings     = "SELECT app, id, room, stream, node, running, doomed, begun, facts FROM recordings"
	selectRecordingFiles = "SELECT recording, n, facts FROM recording_files"
)

func scanRecording(scan scanner) (Recording, error) {
	var r Recording
	var running, doomed, begun int64
	var text []byte
	if err := scan(&r.App, &r.ID, &r.Room, &r.Stream, &r.Node, &running, &doomed, &begun, &text); err != nil {
		return r, err
	}
	var facts recordingFacts
	err := unpack(text, &facts)
	r.Running, r.Doomed, r.Begun, r.Ended = running != 0, doomed != 0, fromMillis(begun), fromMillis(facts.Ended)
	r.State, r.Reason, r.Format, r.User, r.By, r.Lags = facts.State, facts.Reason, facts.Format, facts.User, facts.By, facts.Lags
	return r, err
}

type fileOfRecording struct {
	RecordingFile
	recording string
}

func scanRecordingFile(scan scanner) (fileOfRecording, error) {
	var f fileOfRecording
	var text []byte
	if err := scan(&f.recording, &f.N, &text); err != nil {
		return f, err
	}
	n := f.N
	err := unpack(text, &f.RecordingFile)
	f.N = n
	return f, err
}

// withFiles reads the files of recordings of any apps.
func withFiles(a access, all []Recording) error {
	byApp := map[int][]string{}
	at := map[place]int{}
	for i, r := range all {
		byApp[r.App] = append(byApp[r.App], r.ID)
		at[place{r.App, r.ID}] = i
	}
	for app, ids := range byApp {
		err := inParts(ids, func(ids []string) error {
			files, err := list(a, scanRecordingFile,
				selectRecordingFiles+" WHERE app = $1 AND recording IN "+places(2, len(ids))+" ORDER BY recording, n", append([]any{app}, anys(ids)...)...)
			for _, f := range files {
				r := &all[at[place{app, f.recording}]]
				r.Files = append(r.Files, f.RecordingFile)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// place is a recording's.
type place struct {
	app int
	id  string
}

// number is a truth as it is stored.
func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
