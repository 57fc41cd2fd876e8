package rooms

// Role is what somebody is in a room. Roles are a ladder: each may do what those below may.
type Role uint8

// The roles. In a room without a list of members everybody who is logged in is a Member, since everybody may come in.
const (
	Anyone Role = iota
	Member
	Admin
	Owner
	App // an administrator of the app
)

// roles are the names of the ladder, as definitions of custom fields have them.
var roles = [...]string{Anyone: "anyone", Member: "member", Admin: "admin", Owner: "owner", App: "app"}

func (r Role) String() string { return roles[r] }

// parseRole reads a role of the ladder.
func parseRole(s string) (Role, bool) {
	for role, name := range roles {
		if s == name {
			return Role(role), true
		}
	}
	return Anyone, false
}

// The roles of members, as the wire and the store have them.
const (
	roleOwner  = "Owner"
	roleAdmin  = "Admin"
	roleMember = "Member"
)

// memberRole is the role of a member by the name that the store has for it.
func memberRole(name string) Role {
	switch name {
	case roleOwner:
		return Owner
	case roleAdmin:
		return Admin
	default:
		return Member
	}
}
