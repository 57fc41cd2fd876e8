package rooms

import (
	"context"
	"errors"
	"maps"
	"slices"

	"weir/room/im"
	"weir/room/store"
)

const (
	// maxFields is how many custom fields rooms of an app have, and how many their members.
	maxFields = 20
	// maxFieldName and maxFieldValue are in bytes.
	maxFieldName, maxFieldValue = 16, 512
)

// fieldSet are the definitions of an app's custom fields by name. A name is a room's field or a member's, never both.
type fieldSet map[string]store.Field

func fieldsCost(s fieldSet) int { return 256 * len(s) }

// level is what a custom field belongs to: rooms of a type, or their members.
type level struct {
	member bool
	typ    string
}

func ofRooms(typ string) level   { return level{false, typ} }
func ofMembers(typ string) level { return level{true, typ} }

// get finds the definition of a field of a level.
func (s fieldSet) get(l level, name string) (store.Field, bool) {
	f, ok := s[name]
	if !ok || f.Member != l.member || len(f.Types) > 0 && !slices.Contains(f.Types, l.typ) {
		return store.Field{}, false
	}
	return f, true
}

// DefineField adds the definition of a custom field to the actor's app: administrators may. It holds at once, and for
// ever: a definition is not deleted. No Types are all that can have it, no Read is member and no Write admin.
func (r *Rooms) DefineField(ctx context.Context, a im.Actor, f store.Field) error {
	if err := checkField(a, &f); err != nil {
		return err
	}
	there, err := r.fields.get(ctx, key{app: a.App})
	if err != nil {
		return err
	}
	n := 0
	for _, other := range there {
		if other.Member == f.Member {
			n++
		}
	}
	if _, taken := there[f.Name]; taken {
		return im.ErrBadParameter.With("there is a custom field of this name")
	}
	if n >= maxFields {
		return im.ErrBadParameter.With("there are %d custom fields, and there can be no more", maxFields)
	}
	return r.putField(a.App, r.o.Store.DefineField(ctx, a.App, f))
}

// ModifyField changes who may read and write a custom field, and which types of room have it.
func (r *Rooms) ModifyField(ctx context.Context, a im.Actor, f store.Field) error {
	if err := checkField(a, &f); err != nil {
		return err
	}
	there, err := r.fields.get(ctx, key{app: a.App})
	if err != nil {
		return err
	}
	if old, ok := there[f.Name]; !ok || old.Member != f.Member {
		return im.ErrBadParameter.With("there is no custom field of this name")
	}
	return r.putField(a.App, r.o.Store.ModifyField(ctx, a.App, f))
}

// putField has all nodes see a definition that was written, or not.
func (r *Rooms) putField(app int, err error) error {
	switch {
	case errors.Is(err, store.ErrExists):
		return im.ErrBadParameter.With("there is a custom field of this name")
	case err != nil:
		return failed("write a custom field", err)
	}
	r.announce(changed{App: app})
	return nil
}

// Fields are the definitions of an app's custom fields, by name.
func (r *Rooms) Fields(ctx context.Context, app int) ([]store.Field, error) {
	set, err := r.fields.get(ctx, key{app: app})
	if err != nil {
		return nil, err
	}
	fields := make([]store.Field, 0, len(set))
	for _, name := range slices.Sorted(maps.Keys(set)) {
		fields = append(fields, set[name])
	}
	return fields, nil
}

func (r *Rooms) loadFields(ctx context.Context, k key) (fieldSet, error) {
	list, err := r.o.Store.Fields(ctx, k.app)
	if err != nil {
		return nil, failed("read the custom fields", err)
	}
	set := make(fieldSet, len(list))
	for _, f := range list {
		set[f.Name] = f
	}
	return set, nil
}

// checkField checks a definition, and fills in what it leaves open.
func checkField(a im.Actor, f *store.Field) error {
	switch {
	case !a.Admin:
		return refuse(a)
	case !fieldName(f.Name):
		return im.ErrBadParameter.With("a custom field's name has 1 to %d letters, digits and _, and does not start with a digit", maxFieldName)
	}
	for _, typ := range f.Types {
		if err := checkType(typ); err != nil {
			return err
		}
		if f.Member && !listed(typ) {
			return im.ErrBadParameter.With("rooms of type %s have no list of members", typ)
		}
	}
	if f.Read == "" {
		f.Read = Member.String()
	}
	if f.Write == "" {
		f.Write = Admin.String()
	}
	_, read := parseRole(f.Read)
	_, write := parseRole(f.Write)
	if !read || !write {
		return im.ErrBadParameter.With("who may read and write a custom field is one of app, owner, admin, member, anyone")
	}
	return nil
}

func fieldName(name string) bool {
	if name == "" || len(name) > maxFieldName || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return true
}

// mayWrite refuses fields that are not defined, that a role may not write, and values that none may have.
func (r *Rooms) mayWrite(ctx context.Context, app int, l level, role Role, fields []im.FieldPair) error {
	if len(fields) == 0 {
		return nil
	}
	if len(fields) > maxFields {
		return im.ErrBadParameter.With("there are at most %d custom fields", maxFields)
	}
	set, err := r.fields.get(ctx, key{app: app})
	if err != nil {
		return err
	}
	for _, f := range fields {
		definition, ok := set.get(l, f.Key)
		if !ok {
			return im.ErrBadParameter.With("there is no custom field %.20q for this", f.Key)
		}
		if least, _ := parseRole(definition.Write); role < least {
			return im.ErrNoPermission.With("no permission to write the custom field %s", f.Key)
		}
		if err := checkText("the value of "+f.Key, f.Value, maxFieldValue); err != nil {
			return err
		}
	}
	return nil
}

// readable is those of the fields that a role may read.
func (s fieldSet) readable(l level, role Role, fields map[string]string) map[string]string {
	seen := make(map[string]string, len(fields))
	for name, value := range fields {
		if definition, ok := s.get(l, name); ok {
			if least, _ := parseRole(definition.Read); role >= least {
				seen[name] = value
			}
		}
	}
	return seen
}

// setFields gives the fields with others set, and what changed by that, in the order of names. An empty value deletes
// one. The old map stays as it is.
func setFields(old map[string]string, set []im.FieldPair) (fields map[string]string, changed []im.FieldPair) {
	fields = maps.Clone(old)
	if fields == nil {
		fields = make(map[string]string, len(set))
	}
	for _, f := range set {
		if f.Value == "" {
			delete(fields, f.Key)
		} else {
			fields[f.Key] = f.Value
		}
	}
	names := make(map[string]bool, len(set))
	for _, f := range set {
		names[f.Key] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if fields[name] != old[name] {
			changed = append(changed, im.FieldPair{Key: name, Value: fields[name]})
		}
	}
	return fields, changed
}
