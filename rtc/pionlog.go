package rtc

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// LogTo makes the WebRTC stack log to a slog.Logger. What it calls a warning or an error concerns one peer (an
// unreachable candidate, a packet that does not decrypt), which to an operator is a detail.
func LogTo(log *slog.Logger) logging.LoggerFactory { return pionLogs{log} }

type pionLogs struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (p pionLogs) NewLogger(scope string) logging.LeveledLogger {
	return pionLog{p.log.With("part", "webrtc", "scope", scope)}
}

type pionLog struct{ log *slog.Logger }

func (l pionLog) write(level slog.Level, msg string, args ...any) {
	if l.log.Enabled(context.Background(), level) {
		if len(args) > 0 {
			msg = fmt.Sprintf(msg, args...)
		}
		l.log.Log(context.Background(), level, msg)
	}
}

const levelTrace = slog.LevelDebug - 4

func (l pionLog) Trace(msg string)               { l.write(levelTrace, msg) }
func (l pionLog) Tracef(format string, a ...any) { l.write(levelTrace, format, a...) }
func (l pionLog) Debug(msg string)               { l.write(levelTrace, msg) }
func (l pionLog) Debugf(format string, a ...any) { l.write(levelTrace, format, a...) }
func (l pionLog) Info(msg string)                { l.write(levelTrace, msg) }
func (l pionLog) Infof(format string, a ...any)  { l.write(levelTrace, format, a...) }
func (l pionLog) Warn(msg string)                { l.write(slog.LevelDebug, msg) }
func (l pionLog) Warnf(format string, a ...any)  { l.write(slog.LevelDebug, format, a...) }
func (l pionLog) Error(msg string)               { l.write(slog.LevelDebug, msg) }
func (l pionLog) Errorf(format string, a ...any) { l.write(slog.LevelDebug, format, a...) }
