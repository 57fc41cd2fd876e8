package record

import (
	"net/http"
	"time"
)

// pieceTime is how long a client may take to take a piece of a file, which is some tens of kilobytes.
const pieceTime = time.Minute

// unhurried is an answer of any length: each piece has its own time, where the server gives an answer one for all of it.
// A file of gigabytes takes as long as the client's connection needs, and a player that is paused long before its buffer is
// empty is not cut off by what it took before.
type unhurried struct {
	http.ResponseWriter
	control *http.ResponseController
}

func newUnhurried(w http.ResponseWriter) *unhurried {
	return &unhurried{w, http.NewResponseController(w)}
}

// Unwrap lets http.ResponseController reach what this writer does not have.
func (w *unhurried) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write writes a piece. It hides ReadFrom, by which all would be one.
func (w *unhurried) Write(b []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(pieceTime)) // writers without deadlines exist in tests only
	return w.ResponseWriter.Write(b)
}
