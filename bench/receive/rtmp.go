package receive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// RTMP is an nginx that takes pushes by RTMP and RTMPS, gives them to players, and records each of them.
type RTMP struct {
	*Nginx

	URL  string // of the application that takes all pushes, such as rtmp://127.0.0.1:20001/live
	TLS  string // the same by RTMPS, with the certificate of CA
	Deny string // of an application that refuses every push
	CA   string // file of the certificate that signs the one of RTMPS, PEM
}

// RTMPOptions says what an RTMP does beside that.
type RTMPOptions struct {
	OnPublish string // URL with a path that is asked before a push is taken, with the push's query as form values; empty: none
}

// StartRTMP runs an RTMP with its files in a folder, which has to be there and is nobody else's.
func StartRTMP(ctx context.Context, dir string, o RTMPOptions) (*RTMP, error) {
	plain, err := port()
	if err != nil {
		return nil, err
	}
	secure, err := port()
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, "recordings"), 0o700); err != nil {
		return nil, err
	}
	if err := writeCertificate(dir); err != nil {
		return nil, err
	}
	n, err := startNginx(ctx, dir, rtmpSections(dir, plain, secure, o), plain, secure)
	if err != nil {
		return nil, err
	}
	return &RTMP{
		Nginx: n, CA: filepath.Join(dir, certificateFile),
		URL: "rtmp://" + local(plain) + "/live", TLS: "rtmps://" + local(secure) + "/live", Deny: "rtmp://" + local(plain) + "/deny",
	}, nil
}

func rtmpSections(dir string, plain, secure int, o RTMPOptions) string {
	ask := ""
	if o.OnPublish != "" {
		ask = "on_publish " + o.OnPublish + ";"
	}
	return fmt.Sprintf(`
rtmp {
	access_log off;
	server {
		listen %[2]s;
		chunk_size 4096;
		application live {
			live on;
			record all;
			record_path %[1]s/recordings;
			record_unique on;
			%[4]s
		}
		application deny {
			live on;
			deny publish all;
		}
	}
}
stream {
	server {
		listen %[3]s ssl;
		ssl_certificate %[1]s/certificate.pem;
		ssl_certificate_key %[1]s/key.pem;
		proxy_pass %[2]s;
	}
}
`, dir, local(plain), local(secure), ask)
}

// Recordings are the files of what was pushed under a name, FLV, a file for each push that was taken, oldest first. The
// last one may still grow.
func (r *RTMP) Recordings(name string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.dir, "recordings"))
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries { // sorted: the names end in the time of their start
		if rest, ok := strings.CutPrefix(e.Name(), name+"-"); ok && !strings.Contains(rest, "-") {
			files = append(files, filepath.Join(r.dir, "recordings", e.Name()))
		}
	}
	slices.Sort(files)
	return files, nil
}
