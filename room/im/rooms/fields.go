package rooms

import (
	"context"

	"weir/room/im"
	"weir/room/store"
)

// DefineField adds the definition of a custom field to the actor's app: administrators may. It holds at once, and for
// ever: a definition is not deleted.
func (r *Rooms) DefineField(ctx context.Context, a im.Actor, f store.Field) error {
	return im.ErrInternal
}

// ModifyField changes who may read and write a custom field, and which types of room have it.
func (r *Rooms) ModifyField(ctx context.Context, a im.Actor, f store.Field) error {
	return im.ErrInternal
}

// Fields are the definitions of an app's custom fields.
func (r *Rooms) Fields(ctx context.Context, app int) ([]store.Field, error) {
	return nil, im.ErrInternal
}
