package store

import "context"

// Field is the definition of a custom field of an app's rooms or members. A field of rooms and one of members cannot
// have the same name.
type Field struct {
	Name   string
	Member bool     // of members, not of rooms
	Types  []string // the types of room that have it
	Read   string   // who may read it at least: app, owner, admin, member, anyone
	Write  string   // who may write it at least
}

// fieldFacts are what no query asks for, as they are stored.
type fieldFacts struct {
	Member bool     `json:"member,omitempty"`
	Types  []string `json:"types,omitempty"`
	Read   string   `json:"read"`
	Write  string   `json:"write"`
}

// DefineField adds a definition, or returns ErrExists.
func (s *Store) DefineField(ctx context.Context, app int, field Field) error {
	return s.write(ctx, "define a field", func(a access) error {
		facts, err := field.facts()
		if err != nil {
			return err
		}
		_, err = a.exec("INSERT INTO fields (app, name, facts) VALUES ($1, $2, $3)", app, field.Name, facts)
		return err
	})
}

// ModifyField puts a definition in the place of the one of its name.
func (s *Store) ModifyField(ctx context.Context, app int, field Field) error {
	return s.write(ctx, "modify a field", func(a access) error {
		facts, err := field.facts()
		if err != nil {
			return err
		}
		n, err := a.exec("UPDATE fields SET facts = $3 WHERE app = $1 AND name = $2", app, field.Name, facts)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

// Fields are an app's definitions, by name.
func (s *Store) Fields(ctx context.Context, app int) (fields []Field, err error) {
	err = s.read(ctx, "read fields", func(a access) error {
		fields, err = list(a, scanField, "SELECT name, facts FROM fields WHERE app = $1 ORDER BY name", app)
		return err
	})
	return fields, err
}

func scanField(scan scanner) (Field, error) {
	var field Field
	var text []byte
	if err := scan(&field.Name, &text); err != nil {
		return field, err
	}
	var facts fieldFacts
	err := unpack(text, &facts)
	field.Member, field.Types, field.Read, field.Write = facts.Member, facts.Types, facts.Read, facts.Write
	return field, err
}

func (f *Field) facts() ([]byte, error) { return pack(fieldFacts{f.Member, f.Types, f.Read, f.Write}) }
