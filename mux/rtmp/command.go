package rtmp

import "fmt"

// Command is a command message (Adobe RTMP 7.1.1).
type Command struct {
	Name        string
	Transaction float64
	Object      Object // the command object; nil for most
	Args        []any  // what stands behind it
}

// ParseCommand reads the command of a message of type TypeCommand or TypeCommand3; one of a single value is as good as
// any.
//
// Errors: ErrProtocol, ErrTooMuch.
func ParseCommand(m Message) (Command, error) {
	body := m.Body
	if m.Type == TypeCommand3 && len(body) > 0 {
		body = body[1:]
	}
	values, err := DecodeAMF(body)
	if err != nil {
		return Command{}, err
	}
	var cmd Command
	for i, v := range values {
		switch i {
		case 0:
			cmd.Name, _ = v.(string)
		case 1:
			cmd.Transaction, _ = v.(float64)
		case 2:
			cmd.Object, _ = v.(Object)
		default:
			cmd.Args = append(cmd.Args, v)
		}
	}
	if cmd.Name == "" {
		return Command{}, fmt.Errorf("%w: a command without a name", ErrProtocol)
	}
	return cmd, nil
}

// Text is an argument that should be a string; it is empty where it is none.
func (c *Command) Text(i int) string {
	if i >= len(c.Args) {
		return ""
	}
	s, _ := c.Args[i].(string)
	return s
}

// Info is the information object of an onStatus or of an answer (7.2.2): the first argument; nil where it is none.
func (c *Command) Info() Object {
	if len(c.Args) == 0 {
		return nil
	}
	o, _ := c.Args[0].(Object)
	return o
}

// NewCommand is a message of a command: its name, its transaction and what else it has, as AppendAMF takes it.
func NewCommand(stream uint32, values ...any) Message {
	return Message{Type: TypeCommand, Stream: stream, Body: AppendAMF(nil, values...)}
}
