package pull

import "errors"

// What a source says of a connection, and callers of the Manager branch on. The short names are those of states, events and
// metrics.
var (
	// ErrAddress: the source's address is one that may not be connected to, or none at all.
	ErrAddress error = &fault{"address", "the source's address is not one to connect to"}
	// ErrConnect: the connection did not come about.
	ErrConnect error = &fault{"connect", "cannot connect to the source"}
	// ErrRefused: the source does not give the stream: it has none, or asks for another proof.
	ErrRefused error = &fault{"refused", "the source refuses the stream"}
	// ErrTimeout: the source did not answer in time, or no media came.
	ErrTimeout error = &fault{"timeout", "no media comes from the source"}
	// ErrClosed: the source closed the connection, or it broke.
	ErrClosed error = &fault{"closed", "the connection to the source was lost"}
	// ErrFormat: what the source sends is not what its protocol says.
	ErrFormat error = &fault{"format", "the source does not keep to its format"}
	// ErrTooLarge: the source sends more at once than is taken.
	ErrTooLarge error = &fault{"too_large", "the source sends too much at once"}
	// ErrUnfit: the source's media cannot be carried.
	ErrUnfit error = &fault{"unfit", "the source's media cannot be carried"}
	// ErrBusy: the stream has a publisher of its own.
	ErrBusy error = &fault{"busy", "the stream has a publisher"}
	// ErrOver: the source says that it is over.
	ErrOver error = &fault{"over", "the source is over"}

	// ErrFull: as many streams are pulled as may be.
	ErrFull error = &fault{"too_many", "too many streams are pulled"}
	// ErrAppFull: as many streams of the app are pulled as may be of one app.
	ErrAppFull error = &fault{"app_full", "too many streams of the app are pulled"}

	// ErrTask: a task that makes no sense, with what is wrong.
	ErrTask = errors.New("the pull cannot be taken")
	// ErrDuplicate: another task brings the same stream.
	ErrDuplicate = errors.New("another pull brings this stream")
	// ErrTooMany: there are as many tasks as there may be.
	ErrTooMany = errors.New("too many pulls")
	// ErrNotFound: there is no such task.
	ErrNotFound = errors.New("no such pull")
	// ErrFixed: the task comes from the configuration, not from the API.
	ErrFixed = errors.New("the pull was not made by the API")

	errIdle     error = &fault{"idle", "nobody watches"}
	errDeleted  error = &fault{"deleted", "the pull was deleted"}
	errMoved    error = &fault{"moved", "another node pulls the stream"}
	errShutdown error = &fault{"shutdown", "the server stops"}
)

// fault is an error with a short name; see live.Reason.
type fault struct{ reason, text string }

func (f *fault) Error() string  { return f.text }
func (f *fault) Reason() string { return f.reason }
