package im

// The tags of a profile's items, as clients know them. Custom ones begin with TagCustom.
const (
	TagNick          = "Tag_Profile_IM_Nick"
	TagImage         = "Tag_Profile_IM_Image"
	TagGender        = "Tag_Profile_IM_Gender"
	TagBirthDay      = "Tag_Profile_IM_BirthDay"
	TagLocation      = "Tag_Profile_IM_Location"
	TagSelfSignature = "Tag_Profile_IM_SelfSignature"
	TagAllow         = "Tag_Profile_IM_AllowType"
	TagLanguage      = "Tag_Profile_IM_Language"
	TagMsgSettings   = "Tag_Profile_IM_MsgSettings"
	TagAdminForbid   = "Tag_Profile_IM_AdminForbidType"
	TagLevel         = "Tag_Profile_IM_Level"
	TagRole          = "Tag_Profile_IM_Role"
	TagCustom        = "Tag_Profile_Custom_"
)

// IsNumber tells whether a tag's value is a number to clients. It is kept as its decimal digits.
func IsNumber(tag string) bool {
	switch tag {
	case TagBirthDay, TagLanguage, TagMsgSettings, TagLevel, TagRole:
		return true
	default:
		return false
	}
}
