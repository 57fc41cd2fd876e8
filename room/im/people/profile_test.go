package people

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"weir/room/im"
)

// E12: a nick of 500 bytes is taken, one of 501 is not; and the rest of what profiles may have.
func TestE12ProfileItems(t *testing.T) {
	s := newStage(t)
	long, longer := strings.Repeat("n", 500), strings.Repeat("n", 501)
	for i, tc := range []struct {
		tag, value string
		want       error
	}{
		{im.TagNick, long, nil},
		{im.TagNick, longer, im.ErrBadProfile},
		{im.TagNick, strings.Repeat("你", 167), im.ErrBadProfile}, // bytes count
		{im.TagNick, "", nil},
		{im.TagNick, "a\x00b", im.ErrBadProfile},
		{im.TagNick, "\xff", im.ErrBadProfile},
		{im.TagImage, longer, im.ErrBadProfile},
		{im.TagSelfSignature, long, nil},
		{im.TagSelfSignature, longer, im.ErrBadProfile},
		{im.TagLocation, strings.Repeat("l", 16), nil},
		{im.TagLocation, strings.Repeat("l", 17), im.ErrBadProfile},
		{im.TagGender, "Gender_Type_Female", nil},
		{im.TagGender, "female", im.ErrBadProfile},
		{im.TagAllow, "AllowType_Type_DenyAny", nil},
		{im.TagAllow, "", im.ErrBadProfile},
		{im.TagAdminForbid, "AdminForbid_Type_SendOut", nil},
		{im.TagAdminForbid, "x", im.ErrBadProfile},
		{im.TagBirthDay, "20010101", nil},
		{im.TagBirthDay, "1 May", im.ErrBadProfile},
		{im.TagLanguage, "0", nil},
		{im.TagMsgSettings, "1", nil},
		{im.TagLevel, "4294967295", nil},
		{im.TagLevel, "4294967296", im.ErrBadProfile},
		{im.TagLevel, "-1", im.ErrBadProfile},
		{im.TagRole, "3", nil},
		{im.TagRole, "3.5", im.ErrBadProfile},
		{"Tag_Profile_Custom_Abcdefgh", long, nil},
		{"Tag_Profile_Custom_Abcdefghi", "x", im.ErrBadProfile},
		{"Tag_Profile_Custom_Test", longer, im.ErrBadProfile},
		{"Tag_Profile_Custom_A1", "x", im.ErrBadProfile},
		{"Tag_Profile_Custom_", "x", im.ErrBadProfile},
		{"Tag_Profile_IM_Other", "x", im.ErrBadProfile},
	} {
		t.Run(fmt.Sprintf("%s %.20q", tc.tag, tc.value), func(t *testing.T) {
			account := fmt.Sprint("account", i)
			s.ok(s.Import(t.Context(), app, Newcomer{ID: account}))
			err := s.SetProfile(t.Context(), root, account, []Item{{tc.tag, tc.value}})
			s.refused(err, tc.want)
			list, err := s.Profiles(t.Context(), app, []string{account}, nil)
			s.ok(err)
			if want := []Item{{tc.tag, tc.value}}; tc.want == nil {
				equal(t, "items", list[0].Items, want)
			} else if len(list[0].Items) != 0 {
				t.Errorf("set: %v", list)
			}
		})
	}
}

func TestProfiles(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	s.ok(s.SetProfile(ctx, root, "ann", []Item{{im.TagNick, "Ann"}, {im.TagLevel, "5"}, {im.TagRole, "1"}}))
	s.ok(s.SetProfile(ctx, root, "ann", []Item{{im.TagLevel, "6"}}))
	list, err := s.Profiles(ctx, app, []string{"ann", "nobody", "bob"}, []string{im.TagLevel, im.TagImage, im.TagNick})
	s.ok(err)
	equal(t, "profiles", list, []Profile{
		{"ann", true, []Item{{im.TagLevel, "6"}, {im.TagNick, "Ann"}}}, {"nobody", false, nil}, {"bob", true, nil},
	})
	s.refused(s.SetProfile(ctx, root, "nobody", []Item{{im.TagNick, "x"}}), im.ErrUnknownAccount)
	s.refused(s.SetProfile(ctx, root, "ann", nil), im.ErrBadProfile)
	s.refused(s.SetProfile(ctx, root, "ann", make([]Item, 51)), im.ErrBadProfile)
	_, err = s.Profiles(ctx, app, make([]string, 101), nil)
	s.refused(err, im.ErrTooMany)
}

func TestCustomItemsAreBounded(t *testing.T) {
	s := newStage(t)
	for i := range 21 {
		err := s.SetProfile(t.Context(), ann, "ann", []Item{{im.TagCustom + string(rune('a'+i)), "x"}})
		if want := map[bool]error{true: im.ErrBadProfile}[i == 20]; !errors.Is(err, want) {
			t.Errorf("item %d: %v", i+1, err)
		}
	}
	s.ok(s.SetProfile(t.Context(), ann, "ann", []Item{{im.TagCustom + "a", "y"}}))
}

// An account says what it likes of itself, but for what administrators give, and for words that nobody may say (D09).
func TestD09OwnProfile(t *testing.T) {
	s := newStage(t)
	for _, tc := range []struct {
		account, tag, value string
		want                error
	}{
		{"ann", im.TagNick, "Ann", nil},
		{"ann", im.TagGender, "Gender_Type_Male", nil},
		{"ann", im.TagNick, "weir Bad Word", im.ErrSensitiveProfile},
		{"ann", im.TagSelfSignature, "weirbadword", im.ErrSensitiveProfile},
		{"ann", im.TagLevel, "9", im.ErrNoPermission},
		{"ann", im.TagRole, "9", im.ErrNoPermission},
		{"ann", im.TagAdminForbid, "AdminForbid_Type_None", im.ErrNoPermission},
		{"bob", im.TagNick, "Ann", im.ErrNoPermission},
	} {
		if err := s.SetProfile(t.Context(), ann, tc.account, []Item{{tc.tag, tc.value}}); !errors.Is(err, tc.want) {
			t.Errorf("%s %s: %v", tc.account, tc.tag, err)
		}
	}
}
