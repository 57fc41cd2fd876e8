package rtmp

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"weir/mux/rtmp"
)

// maxTalk is how many messages a server may send before it answers; those known send eight.
const maxTalk = 64

// outChunk is the largest payload of our chunks. It is ffmpeg's, and so known to servers; larger ones cost them: nginx
// allocates one for each chunk, and SRS takes up to 65536.
const outChunk = 60_000

// fourCCs are the codecs beyond the classic ones that may be published (Enhanced RTMP v2).
var fourCCs = []any{"hvc1", "av01", "vp09", "Opus"}

// rejection is a server's refusal as it came.
type rejection struct{ code, description string }

func (r *rejection) Error() string { return r.code }

// refused is a refusal in words that may be told.
func (t *target) refused(r *rejection) error {
	text := t.said(strings.Trim(r.code+": "+r.description, ": "))
	if text == "" {
		text = "no reason given"
	}
	return fmt.Errorf("%w: %s", ErrRefused, text)
}

// connect sends the connect command (Adobe RTMP 7.2.1.1), with a query behind the application.
func (c *Conn) connect(query string) error {
	c.command(0, "connect", []rtmp.Property{
		rtmp.Prop("app", c.target.app+query),
		rtmp.Prop("type", "nonprivate"),
		rtmp.Prop("flashVer", "FMLE/3.0 (compatible; "+c.opts.Agent+")"), // some servers look for the beginning
		rtmp.Prop("tcUrl", c.target.server+"/"+c.target.app+query),
		rtmp.Prop("fpad", false),
		rtmp.Prop("capabilities", 15.0),
		rtmp.Prop("audioCodecs", 4071.0), // 7.2.1.1: all
		rtmp.Prop("videoCodecs", 252.0),
		rtmp.Prop("videoFunction", 1.0),
		rtmp.Prop("objectEncoding", 0.0),
		rtmp.Prop("fourCcList", fourCCs),
	})
	if _, err := c.result(); err != nil {
		return err
	}
	c.add(rtmp.Number(rtmp.TypeWindow, rtmp.DefaultWindow))
	err := c.send(rtmp.Number(rtmp.TypeChunkSize, outChunk))
	c.writing.Lock()
	defer c.writing.Unlock()
	c.chunk = outChunk
	return err
}

// Publish asks the server to take a stream under the address's name. Then Watch is to be called, and Write may be.
//
// Errors: as those of Dial.
func (c *Conn) Publish(ctx context.Context) error {
	return c.told(c.within(ctx, func() error {
		c.command(0, "releaseStream", nil, c.target.name) // of a publisher whose connection was lost
		c.command(0, "FCPublish", nil, c.target.name)
		if err := c.createStream(); err != nil {
			return err
		}
		_, stream := c.purpose()
		c.command(stream, "publish", nil, c.target.name, "live")
		if err := c.status("NetStream.Publish.Start"); err != nil {
			return err
		}
		c.handOn(publishing)
		return nil
	}))
}

// Play asks the server for the stream of the address's name. Then Read is to be called.
//
// Errors: as those of Dial.
func (c *Conn) Play(ctx context.Context) error {
	return c.told(c.within(ctx, func() error {
		if err := c.createStream(); err != nil {
			return err
		}
		_, stream := c.purpose()
		c.command(stream, "play", nil, c.target.name, -2000.0) // 7.2.2.1: live, or else recorded; seconds that all send as ms
		buffer := binary.BigEndian.AppendUint32(nil, stream)
		c.add(rtmp.Control(rtmp.EventBuffer, binary.BigEndian.AppendUint32(buffer, 3000)...))
		if err := c.status("NetStream.Play.Start"); err != nil {
			return err
		}
		c.in.Limit(maxMedia)
		c.silence = c.opts.Silence
		c.handOn(playing)
		return nil
	}))
}

// told puts a refusal in words.
func (c *Conn) told(err error) error {
	if r, ok := err.(*rejection); ok { //nolint:errorlint // it is never wrapped
		return c.target.refused(r)
	}
	return err
}

// command has a command wait for the next flush, under the next transaction id.
func (c *Conn) command(stream uint32, name string, values ...any) {
	c.transaction++
	c.add(rtmp.NewCommand(stream, append([]any{name, c.transaction}, values...)...))
}

// createStream gets the message stream of all that follows (7.2.1.3).
func (c *Conn) createStream() error {
	c.command(0, "createStream", nil)
	cmd, err := c.result()
	if err != nil {
		return err
	}
	id := 1.0 // that of all servers known
	if len(cmd.Args) > 0 {
		id, _ = cmd.Args[0].(float64)
	}
	if !(id >= 1 && id <= math.MaxUint32) {
		return fmt.Errorf("%w: message stream %v", ErrProtocol, id)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.stream = uint32(id)
	return nil
}

// result sends what waits, and waits for the answer to the newest command.
func (c *Conn) result() (cmd rtmp.Command, err error) {
	err = c.answer(func(got *rtmp.Command) (bool, error) {
		if got.Transaction != c.transaction {
			return false, nil // of releaseStream and FCPublish, which need no answer
		}
		switch got.Name {
		case "_result":
			cmd = *got
			return true, nil
		case "_error":
			return true, reject(got)
		default:
			return false, nil
		}
	})
	return cmd, err
}

// status sends what waits, and waits for an onStatus of the code.
func (c *Conn) status(code string) error {
	return c.answer(func(got *rtmp.Command) (bool, error) {
		if got.Name == "_error" && got.Transaction == c.transaction {
			return true, reject(got)
		}
		if got.Name != "onStatus" {
			return false, nil
		}
		if isError(got) {
			return true, reject(got)
		}
		return got.Info()["code"] == code, nil
	})
}

// answer sends what waits, and gives commands to take until that is done.
func (c *Conn) answer(take func(*rtmp.Command) (done bool, err error)) error {
	if err := c.flush(); err != nil {
		return err
	}
	for range maxTalk {
		m, err := c.next()
		if err != nil {
			return err
		}
		if m.Type != rtmp.TypeCommand && m.Type != rtmp.TypeCommand3 {
			continue
		}
		cmd, err := rtmp.ParseCommand(m)
		if err != nil {
			return failing(err)
		}
		if done, err := take(&cmd); done || err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %d messages and no answer", ErrProtocol, maxTalk)
}

// isError tells whether an onStatus says that something went wrong.
func isError(cmd *rtmp.Command) bool { return cmd.Info()["level"] == "error" }

func reject(cmd *rtmp.Command) error {
	info := cmd.Info()
	if info == nil {
		info = cmd.Object // where some servers put it
	}
	r := new(rejection)
	r.code, _ = info["code"].(string)
	r.description, _ = info["description"].(string)
	return r
}
