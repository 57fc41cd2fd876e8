package v4

import (
	"context"
	"errors"
	"reflect"

	"weir/room/im"
)

// service is a group of commands, and how its errors are numbered.
type service struct {
	name string
	// parameter is what is wrong with a parameter for which there is no number of its own.
	parameter int
	// internal is what is our fault.
	internal int
	// unknown is that there is no such command; 0: as where there is no such service.
	unknown int
	// as are numbers of package im that are others in this service.
	as map[int]int
	// display: answers have ErrorDisplay, too.
	display  bool
	commands []command
}

// command is a command of a service.
type command struct {
	name string
	// perSecond is how often an app may call it; 0: as often as others.
	perSecond int
	handler
}

// handler answers a command.
type handler struct {
	request reflect.Type
	serve   func(c *call, body []byte) (any, error)
}

// services are all that there are. Each stands in the file of its name.
var services = []*service{
	&loginService, &openimService, &profileService, &groupService, &attrService, &avchatroomService, &wordsService, &configService,
}

// on answers with a function that is given the request, decoded.
func on[Q any](f func(c *call, q *Q) (any, error)) handler {
	return handler{request: reflect.TypeFor[Q](), serve: func(c *call, body []byte) (any, error) {
		var q Q
		if err := c.service.decode(body, &q); err != nil {
			return nil, err
		}
		return f(c, &q)
	}}
}

// find gives a service and its command; nil where there is none.
func find(serviceName, name string) (*service, *command) {
	for _, s := range services {
		if s.name != serviceName {
			continue
		}
		for i := range s.commands {
			if s.commands[i].name == name {
				return s, &s.commands[i]
			}
		}
		return s, nil
	}
	return nil, nil
}

// noCommand is the refusal of a command that the service does not have.
func (s *service) noCommand() error {
	if s == nil || s.unknown == 0 {
		return errNoCommand
	}
	return fault(s.unknown, errNoCommand.Info)
}

// refusal is what a caller is told of an error.
func (s *service) refusal(err error) *im.Error {
	var e *im.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errTimeout
	case !errors.As(err, &e) || e.Number == im.ErrInternal.Number:
		if s == nil {
			return im.ErrInternal
		}
		return fault(s.internal, im.ErrInternal.Info)
	case s == nil:
		return e
	}
	if number, ok := s.as[e.Number]; ok {
		return fault(number, e.Info)
	}
	return e
}
