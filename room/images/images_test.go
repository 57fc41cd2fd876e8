package images

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"go.uber.org/goleak"
	"golang.org/x/image/bmp"

	"weir/room/im"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var errToken = errors.New("no token")

// server is an Images behind HTTP.
type server struct {
	*Images
	url string

	mu  sync.Mutex // guards now
	now time.Time
}

func (s *server) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *server) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// depots are the places where pictures are kept.
var depots = map[string]func(*testing.T, *Options){
	"folder": func(*testing.T, *Options) {},
	"bucket": func(t *testing.T, o *Options) {
		fake := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
		t.Cleanup(fake.Close)
		o.S3 = S3{fake.URL, "us-east-1", "pictures", "access", "secret"}
		b, err := newBucket(o.S3)
		ok(t, err)
		ok(t, b.client.MakeBucket(t.Context(), "pictures", minio.MakeBucketOptions{}))
	},
}

// both runs a test against both.
func both(t *testing.T, test func(t *testing.T, with func(*Options))) {
	for name, set := range depots {
		t.Run(name, func(t *testing.T) { test(t, func(o *Options) { set(t, o) }) })
	}
}

// start serves Images. A user is named by the header User, of the app 1 or of that in the header App.
func start(t *testing.T, with func(*Options)) *server {
	t.Helper()
	s := &server{now: time.Now()}
	opts := Options{
		Dir: filepath.Join(t.TempDir(), "images"), MaxBytes: 100 << 20, Keep: 24 * time.Hour, Now: s.clock,
		Authorize: func(r *http.Request) (im.Actor, error) {
			if r.Header.Get("User") == "none" {
				return im.Actor{}, errToken
			}
			app := 1
			_, _ = fmt.Sscan(r.Header.Get("App"), &app)
			return im.Actor{App: app, User: r.Header.Get("User")}, nil
		},
		Status: func(error) (int, string) { return http.StatusUnauthorized, "token_missing" },
		Base:   func(*http.Request) string { return s.url },
		Problem: func(w http.ResponseWriter, _ *http.Request, status int, code, _ string) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, code)
		},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	with(&opts)
	var err error
	s.Images, err = New(opts)
	ok(t, err)
	mux := http.NewServeMux()
	mux.Handle("POST /api/v1/images", s)
	mux.HandleFunc("GET /images/{app}/{name}", s.Get)
	web := httptest.NewServer(mux)
	t.Cleanup(func() {
		web.Close()
		http.DefaultClient.CloseIdleConnections()
		web.Client().CloseIdleConnections()
	})
	s.url = web.URL
	return s
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

func do(t *testing.T, method, url string, body io.Reader, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	ok(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	ok(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	ok(t, err)
	return answer{response.StatusCode, response.Header, string(text)}
}

func (s *server) post(t *testing.T, data []byte, header ...string) answer {
	t.Helper()
	return do(t, "POST", s.url+"/api/v1/images", bytes.NewReader(data), append([]string{"User", "ann"}, header...)...)
}

// upload sends a picture that is taken.
func (s *server) upload(t *testing.T, data []byte, header ...string) Content {
	t.Helper()
	a := s.post(t, data, header...)
	if a.status != http.StatusCreated {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var c Content
	ok(t, json.Unmarshal([]byte(a.body), &c))
	return c
}

// gradient is a picture whose upper left corner is red, and whose other corners are green, blue and white.
func gradient(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{255, 0, 0, 255}
			switch right, low := x >= w/2, y >= h/2; {
			case right && low:
				c = color.NRGBA{255, 255, 255, 255}
			case right:
				c = color.NRGBA{0, 255, 0, 255}
			case low:
				c = color.NRGBA{0, 0, 255, 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

func encoded(t testing.TB, how func(io.Writer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	ok(t, how(&out))
	return out.Bytes()
}

func asPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	return encoded(t, func(w io.Writer) error { return png.Encode(w, img) })
}

func asJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	return encoded(t, func(w io.Writer) error { return jpeg.Encode(w, img, nil) })
}

// asGIF is an animation of two frames.
func asGIF(t testing.TB, w, h int) []byte {
	t.Helper()
	frame := func(c uint8) *image.Paletted {
		p := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Transparent, color.Black, color.White})
		for i := range p.Pix {
			p.Pix[i] = c
		}
		return p
	}
	return encoded(t, func(w io.Writer) error {
		return gif.EncodeAll(w, &gif.GIF{Image: []*image.Paletted{frame(1), frame(2)}, Delay: []int{5, 7}, LoopCount: 3})
	})
}

// withExif puts Exif data behind a JPEG's start: an orientation, and what looks like the place where it was taken.
func withExif(data []byte, orientation uint16) []byte {
	exif := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x02" +
		"\x01\x0f\x00\x02\x00\x00\x00\x08\x00\x00\x00\x1a" + // the maker's name
		"\x01\x12\x00\x03\x00\x00\x00\x01" + string(binary.BigEndian.AppendUint16(nil, orientation)) + "\x00\x00" +
		"\x00\x00\x00\x00GPSPLACE")
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
	return append(append(append([]byte{0xff, 0xd8}, segment...), exif...), data[2:]...)
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	ok(t, err)
	return data
}

// What comes in any format goes out in the sizes and the formats that are documented, and can be had.
func TestUpload(t *testing.T) {
	seeThrough := gradient(300, 250)
	seeThrough.SetNRGBA(0, 0, color.NRGBA{})
	for name, tc := range map[string]struct {
		data   []byte
		format Format
		types  [3]string
		sizes  [3]image.Point
	}{
		"jpeg":             {asJPEG(t, gradient(722, 724)), JPEG, [3]string{"jpeg", "jpeg", "jpeg"}, [3]image.Point{{722, 724}, {720, 721}, {198, 198}}},
		"small jpeg":       {asJPEG(t, gradient(100, 50)), JPEG, [3]string{"jpeg", "jpeg", "jpeg"}, [3]image.Point{{100, 50}, {100, 50}, {100, 50}}},
		"gray jpeg":        {asJPEG(t, image.NewGray(image.Rect(0, 0, 300, 300))), JPEG, [3]string{"jpeg", "jpeg", "jpeg"}, [3]image.Point{{300, 300}, {300, 300}, {198, 198}}},
		"png":              {asPNG(t, gradient(724, 722)), PNG, [3]string{"png", "jpeg", "jpeg"}, [3]image.Point{{724, 722}, {721, 720}, {198, 198}}},
		"transparent png":  {asPNG(t, seeThrough), PNG, [3]string{"png", "png", "png"}, [3]image.Point{{300, 250}, {300, 250}, {237, 198}}},
		"gif":              {asGIF(t, 400, 300), GIF, [3]string{"gif", "gif", "jpeg"}, [3]image.Point{{400, 300}, {400, 300}, {264, 198}}},
		"webp":             {sample(t, "lossy.webp"), JPEG, [3]string{"jpeg", "jpeg", "jpeg"}, [3]image.Point{{64, 48}, {64, 48}, {64, 48}}},
		"transparent webp": {sample(t, "alpha.webp"), PNG, [3]string{"png", "png", "png"}, [3]image.Point{{16, 16}, {16, 16}, {16, 16}}},
		"bmp":              {encoded(t, func(w io.Writer) error { return bmp.Encode(w, gradient(20, 10)) }), JPEG, [3]string{"jpeg", "jpeg", "jpeg"}, [3]image.Point{{20, 10}, {20, 10}, {20, 10}}},
		"one pixel":        {asPNG(t, gradient(1, 1)), PNG, [3]string{"png", "png", "png"}, [3]image.Point{{1, 1}, {1, 1}, {1, 1}}},
		"a long line":      {asPNG(t, gradient(16384, 1)), PNG, [3]string{"png", "png", "png"}, [3]image.Point{{16384, 1}, {16384, 1}, {16384, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, with func(*Options)) {
				s := start(t, with)
				c := s.upload(t, tc.data, "Content-Type", "text/html")
				if c.ImageFormat != tc.format || len(c.ImageInfoArray) != 3 || !isName(c.UUID) {
					t.Fatalf("%+v", c)
				}
				for i, info := range c.ImageInfoArray {
					size := tc.sizes[i]
					if info.Type != i+1 || info.Width != size.X || info.Height != size.Y || !strings.HasPrefix(info.URL, s.url+"/images/1/") {
						t.Errorf("%+v, want %v", info, size)
					}
					a := do(t, "GET", info.URL, nil)
					if a.status != http.StatusOK || a.header.Get("Content-Type") != "image/"+tc.types[i] || len(a.body) != info.Size {
						t.Fatalf("%d, %v, %d bytes", a.status, a.header, len(a.body))
					}
					config, format, err := image.DecodeConfig(strings.NewReader(a.body))
					if err != nil || format != tc.types[i] || config.Width != size.X || config.Height != size.Y {
						t.Errorf("%s: %+v, %v", format, config, err)
					}
				}
			})
		})
	}
}

func isName(s string) bool { return name.MatchString(s) }

// An animation stays one.
func TestAnimation(t *testing.T) {
	s := start(t, inFolder)
	c := s.upload(t, asGIF(t, 20, 10))
	all, err := gif.DecodeAll(strings.NewReader(do(t, "GET", c.ImageInfoArray[0].URL, nil).body))
	ok(t, err)
	if len(all.Image) != 2 || all.Delay[1] != 7 || all.LoopCount != 3 {
		t.Errorf("%d frames, %v, %d", len(all.Image), all.Delay, all.LoopCount)
	}
}

func inFolder(*Options) {}

// A picture is shown as its camera was held, and nothing is left of what the camera wrote into it.
func TestOrientation(t *testing.T) {
	s := start(t, inFolder)
	// Where the corners of what is stored (red, green, blue, white by lines) are shown.
	for o, corners := range map[uint16]string{
		0: "RGBW", 1: "RGBW", 2: "GRWB", 3: "WBGR", 4: "BWRG", 5: "RBGW", 6: "BRWG", 7: "WGBR", 8: "GWRB", 9: "RGBW",
	} {
		c := s.upload(t, withExif(asJPEG(t, gradient(40, 20)), o))
		a := do(t, "GET", c.ImageInfoArray[0].URL, nil)
		if strings.Contains(a.body, "Exif") || strings.Contains(a.body, "GPS") {
			t.Errorf("orientation %d: metadata is left", o)
		}
		img, err := jpeg.Decode(strings.NewReader(a.body))
		ok(t, err)
		w, h := img.Bounds().Dx(), img.Bounds().Dy()
		var got strings.Builder
		for _, at := range []image.Point{{w / 4, h / 4}, {3 * w / 4, h / 4}, {w / 4, 3 * h / 4}, {3 * w / 4, 3 * h / 4}} {
			r, g, b, _ := img.At(at.X, at.Y).RGBA()
			got.WriteString(map[[3]bool]string{{true, false, false}: "R", {false, true, false}: "G", {false, false, true}: "B", {true, true, true}: "W"}[[3]bool{r > 0x8000, g > 0x8000, b > 0x8000}])
		}
		if got.String() != corners || (w > h) != (o < 5 || o > 8) {
			t.Errorf("orientation %d: %s, %dx%d, want %s", o, got.String(), w, h, corners)
		}
	}
}

func TestExifOrientation(t *testing.T) {
	little := "Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
	for _, tc := range []struct {
		text string
		want int
	}{
		{little, 6},
		{little[:len(little)-4], 0},
		{little[:14], 0},
		{"", 0},
		{"Exif\x00\x00II*\x00\xff\xff\xff\xff\x01\x00", 0},
		{"http://ns.adobe.com/xap/1.0/\x00", 0},
		{strings.Replace(little, "\x03\x00\x01", "\x04\x00\x01", 1), 0}, // no short
		{strings.Replace(little, "\x06\x00\x00\x00", "\x09\x00\x00\x00", 1), 0},
	} {
		if got := exifOrientation([]byte(tc.text)); got != tc.want {
			t.Errorf("%q: %d, want %d", tc.text, got, tc.want)
		}
	}
}

// asForm is a form with a file behind a field.
func asForm(t *testing.T, data []byte, file bool) (body []byte, contentType string) {
	t.Helper()
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	ok(t, form.WriteField("about", "nothing"))
	if file {
		part, err := form.CreateFormFile("picture", "x.exe")
		ok(t, err)
		_, err = part.Write(data)
		ok(t, err)
	}
	ok(t, form.Close())
	return out.Bytes(), form.FormDataContentType()
}

// bomb is a PNG's header that promises so many pixels, with nothing behind it.
func bomb(t *testing.T, w, h uint32) []byte {
	t.Helper()
	data := asPNG(t, gradient(1, 1))
	binary.BigEndian.PutUint32(data[16:], w)
	binary.BigEndian.PutUint32(data[20:], h)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	return data
}

// gifBomb is a GIF whose frames have many pixels and no data.
func gifBomb(frames int) []byte {
	data := []byte("GIF89a\xff\x0f\x00\x10\x00\x00\x00")
	for range frames {
		data = append(data, "\x2c\x00\x00\x00\x00\xff\x0f\x00\x10\x00\x02\x01\x00\x00"...)
	}
	return append(data, 0x3b)
}

func TestRefusals(t *testing.T) {
	s := start(t, inFolder)
	picture := asPNG(t, gradient(10, 10))
	form, formType := asForm(t, nil, false)
	jpg := asJPEG(t, gradient(500, 500))
	for name, tc := range map[string]struct {
		data   []byte
		header []string
		status int
		code   string
	}{
		"no token":        {picture, []string{"User", "none"}, 401, "token_missing"},
		"nobody":          {picture, []string{"User", ""}, 401, "token_missing"},
		"nothing":         {nil, nil, 415, "image_unsupported"},
		"a page":          {[]byte("<html><script>alert(1)</script>"), []string{"Content-Type", "image/png"}, 415, "image_unsupported"},
		"svg":             {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), nil, 415, "image_unsupported"},
		"a header only":   {picture[:8], nil, 422, "image_damaged"},
		"half a PNG":      {picture[:len(picture)/2], nil, 422, "image_damaged"},
		"half a JPEG":     {jpg[:len(jpg)/2], nil, 422, "image_damaged"},
		"a moving WebP":   {sample(t, "animated.webp"), nil, 422, "image_damaged"},
		"GIF, no frame":   {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00\x3b"), nil, 422, "image_damaged"},
		"GIF, no end":     {gifBomb(1)[:20], nil, 422, "image_damaged"},
		"too long":        {make([]byte, maxUpload+maxForm+1), nil, 413, "image_too_large"},
		"a bit too long":  {make([]byte, maxUpload+1), nil, 413, "image_too_large"},
		"a bomb":          {bomb(t, 50_000, 50_000), nil, 422, "image_too_many_pixels"},
		"a wide bomb":     {bomb(t, 1<<30, 1), nil, 422, "image_too_many_pixels"},
		"a GIF bomb":      {gifBomb(7), nil, 422, "image_too_many_pixels"},
		"a form, no file": {form, []string{"Content-Type", formType}, 400, "bad_request"},
		"no form":         {[]byte("x"), []string{"Content-Type", "multipart/form-data; boundary=b"}, 400, "bad_request"},
		"no boundary":     {[]byte("x"), []string{"Content-Type", "multipart/form-data"}, 400, "bad_request"},
	} {
		t.Run(name, func(t *testing.T) {
			if a := s.post(t, tc.data, tc.header...); a.status != tc.status || a.body != tc.code {
				t.Errorf("%d %s, want %d %s", a.status, a.body, tc.status, tc.code)
			}
		})
	}
	// Of what was refused nothing is left.
	ok(t, filepath.WalkDir(s.opts.Dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			t.Error(path)
		}
		return err
	}))
}

// Without a length the bound holds as well.
func TestTooLongInChunks(t *testing.T) {
	s := start(t, inFolder)
	a := do(t, "POST", s.url+"/api/v1/images", io.MultiReader(bytes.NewReader(make([]byte, maxUpload)), strings.NewReader("xx")), "User", "ann")
	if a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestForm(t *testing.T) {
	s := start(t, inFolder)
	form, formType := asForm(t, asPNG(t, gradient(10, 10)), true)
	if c := s.upload(t, form, "Content-Type", formType); c.ImageFormat != PNG {
		t.Errorf("%+v", c)
	}
	form, formType = asForm(t, make([]byte, maxUpload+1), true)
	if a := s.post(t, form, "Content-Type", formType); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// Whatever a picture is, a browser takes it for nothing else.
func TestServe(t *testing.T) {
	both(t, func(t *testing.T, with func(*Options)) {
		s := start(t, with)
		c := s.upload(t, asPNG(t, gradient(30, 30)))
		url := c.ImageInfoArray[0].URL
		whole := do(t, "GET", url, nil)
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox", "Content-Type": "image/png",
			"Content-Disposition": `inline; filename="` + c.UUID + `"`, "Cache-Control": "public, max-age=31536000, immutable",
		} {
			if got := whole.header.Get(header); got != want {
				t.Errorf("%s: %q, want %q", header, got, want)
			}
		}
		if a := do(t, "HEAD", url, nil); a.status != 200 || a.body != "" || a.header.Get("Content-Length") != fmt.Sprint(len(whole.body)) {
			t.Errorf("HEAD: %+v", a)
		}
		if a := do(t, "GET", url, nil, "Range", "bytes=10-19"); a.status != 206 || a.body != whole.body[10:20] {
			t.Errorf("range: %d %q", a.status, a.body)
		}
		if a := do(t, "GET", url, nil, "Range", "bytes=999999-"); a.status != 416 {
			t.Errorf("range: %d", a.status)
		}
		if a := do(t, "GET", url, nil, "If-None-Match", whole.header.Get("ETag")); a.status != 304 {
			t.Errorf("If-None-Match: %d", a.status)
		}
		for _, path := range []string{
			"/images/2/" + c.UUID, "/images/01/" + c.UUID, "/images/1/" + strings.Repeat("0", 32) + ".png", "/images/1/x.png",
			"/images/1/..%2f..%2fweir.db", "/images/..%2f1/" + c.UUID, "/images/1/" + c.UUID + ".tmp", "/images/1/" + strings.ToUpper(c.UUID),
			"/images/1/" + strings.TrimSuffix(c.UUID, "png") + "jpg", "/images/-1/" + c.UUID,
		} {
			if a := do(t, "GET", s.url+path, nil); a.status != http.StatusNotFound || a.body != "not_found" {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
	})
}

func TestNamesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newID()
		if seen[id] || len(id) != 32 {
			t.Fatal(id)
		}
		seen[id] = true
	}
}

func TestDeleteApp(t *testing.T) {
	both(t, func(t *testing.T, with func(*Options)) {
		s := start(t, with)
		data := asPNG(t, gradient(300, 300))
		one, ten := s.upload(t, data), s.upload(t, data, "App", "10")
		s.AppDeleted(1)
		s.AppDeleted(1)
		ok(t, s.deleteGone(t.Context()))
		for _, info := range one.ImageInfoArray {
			if a := do(t, "GET", info.URL, nil); a.status != http.StatusNotFound {
				t.Errorf("%s is there: %d", info.URL, a.status)
			}
		}
		for _, info := range ten.ImageInfoArray {
			if a := do(t, "GET", info.URL, nil); a.status != http.StatusOK {
				t.Errorf("%s is gone: %d", info.URL, a.status)
			}
		}
	})
}

func there(t *testing.T, c Content) bool {
	t.Helper()
	n := 0
	for _, info := range c.ImageInfoArray {
		if do(t, "HEAD", info.URL, nil).status == http.StatusOK {
			n++
		}
	}
	if n%3 != 0 {
		t.Errorf("%d of 3 sizes are there", n)
	}
	return n > 0
}

func TestOldOnesGo(t *testing.T) {
	both(t, func(t *testing.T, with func(*Options)) {
		s := start(t, with)
		c := s.upload(t, asPNG(t, gradient(300, 300)))
		s.pass(23 * time.Hour)
		ok(t, s.clean(t.Context()))
		if !there(t, c) {
			t.Fatal("it went too early")
		}
		s.pass(2 * time.Hour)
		ok(t, s.clean(t.Context()))
		if there(t, c) || s.used.Load() != 0 {
			t.Error("it is still there")
		}
	})
}

// Noise is a picture that does not get smaller.
func noise(t *testing.T, side int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		img.Pix[i] = uint8(rand.Uint32()) | 1
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return asPNG(t, img)
}

func TestTooMany(t *testing.T) {
	both(t, func(t *testing.T, with func(*Options)) {
		data := noise(t, 100)
		s := start(t, with)
		oldest := s.upload(t, data)
		if f, is := s.depot.(folder); is {
			for _, info := range oldest.ImageInfoArray { // files have the time of their disk
				ok(t, os.Chtimes(f.path(1, info.URL[strings.LastIndexByte(info.URL, '/')+1:]), noon, noon))
			}
		}
		size := s.used.Load()
		s.opts.MaxBytes, s.opts.Keep = size*10-size/2, 0
		for range 9 {
			s.upload(t, data)
		}
		if a := s.post(t, data); a.status != http.StatusInsufficientStorage || a.body != "images_full" {
			t.Fatalf("%d %s", a.status, a.body)
		}
		ok(t, s.clean(t.Context()))
		if used := s.used.Load(); used > s.opts.MaxBytes || used < size*7 {
			t.Errorf("%d bytes are left of %d", used, size*10)
		}
		if _, is := s.depot.(folder); is && there(t, oldest) {
			t.Error("the oldest is still there")
		}
		s.upload(t, data)
	})
}

// noon is a time long ago.
var noon = time.Date(2020, 5, 1, 12, 0, 0, 0, time.UTC)

func TestTooOften(t *testing.T) {
	s := start(t, inFolder)
	s.now = s.now.Truncate(time.Minute)
	data := asPNG(t, gradient(2, 2))
	for range perMinute {
		s.upload(t, data)
	}
	if a := s.post(t, data); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "60" {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.upload(t, data, "User", "bob")
	s.upload(t, data, "App", "2")
	s.pass(time.Minute)
	s.upload(t, data)
}

func TestLimitIsBounded(t *testing.T) {
	l := &limit{now: time.Now}
	l.allow(1, "first")
	l.minute = time.Now().Unix() / 60
	for i := range maxUsers - 1 {
		l.sent[user{2, fmt.Sprint(i)}] = 1
	}
	if len(l.sent) == maxUsers && time.Now().Unix()/60 == l.minute && l.allow(1, "one more") {
		t.Error("it remembers without bound")
	}
}

// Run cleans when there is too much, and ends with its context.
func TestRun(t *testing.T) {
	s := start(t, func(o *Options) { o.MaxBytes = 1 << 16 })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	data := noise(t, 64)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if s.used.Load() < 1<<16 {
			if s.post(t, data).status == http.StatusTooManyRequests {
				break // thirty were taken: room was made again and again
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("no room is made")
		}
	}
	cancel()
	ok(t, <-done)
}

// What a process that was killed left half-written is taken away, in time.
func TestSpoolsGo(t *testing.T) {
	s := start(t, inFolder)
	path := filepath.Join(s.opts.Dir, spoolPrefix+"1")
	ok(t, os.WriteFile(path, []byte("x"), 0o600))
	ok(t, s.clean(t.Context()))
	if _, err := os.Stat(path); err != nil {
		t.Fatal("it may still be written to: ", err)
	}
	s.pass(2 * time.Hour)
	ok(t, s.clean(t.Context()))
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func FuzzPicture(f *testing.F) {
	f.Add(asPNG(f, gradient(4, 3)))
	f.Add(withExif(asJPEG(f, gradient(8, 8)), 6))
	f.Add(asGIF(f, 3, 2))
	f.Add(sample(f, "lossy.webp"))
	f.Add(sample(f, "alpha.webp"))
	f.Add(encoded(f, func(w io.Writer) error { return bmp.Encode(w, gradient(2, 2)) }))
	f.Add(gifBomb(2))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := bytes.NewReader(data)
		h, err := examine(file)
		if err != nil || h.cost > 1<<22 {
			return
		}
		format, copies, err := remake(file, h)
		if err != nil {
			return
		}
		for _, c := range copies {
			if c.data == nil {
				continue
			}
			config, _, err := image.DecodeConfig(bytes.NewReader(c.data))
			if err != nil || config.Width != c.width || config.Height != c.height {
				t.Fatalf("%d, %s: %+v, %v", format, c.suffix, config, err)
			}
		}
	})
}

// BenchmarkRemake makes the sizes of a photograph of 12 million pixels.
func BenchmarkRemake(b *testing.B) {
	data := asJPEG(b, gradient(4000, 3000))
	b.ReportAllocs()
	for b.Loop() {
		file := bytes.NewReader(data)
		h, err := examine(file)
		ok(b, err)
		if _, _, err = remake(file, h); err != nil {
			b.Fatal(err)
		}
	}
}
