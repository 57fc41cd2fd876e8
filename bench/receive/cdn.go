package receive

import (
	"context"
	"fmt"
	"net/url"
)

// CDN is an nginx that stands before an origin as a CDN does: it keeps what HLS is made of and passes FLV through.
type CDN struct {
	*Nginx

	URL string // such as http://127.0.0.1:20001
}

// CDNOptions say where a CDN pulls from, and what it says there. Texts must hold no character that nginx's configuration has a
// meaning for.
type CDNOptions struct {
	Origin string // such as http://127.0.0.1:8080
	Host   string // that it asks the origin for; empty: the origin's own
	Secret string // that it sends as X-Weir-Puller; empty: none
	Query  string // in the place of its viewers' queries; empty: theirs are passed on
}

// StartCDN runs a CDN with its files in a folder, which has to be there and is nobody else's.
func StartCDN(ctx context.Context, dir string, o CDNOptions) (*CDN, error) {
	port, err := port()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(o.Origin)
	if err != nil {
		return nil, err
	}
	host := o.Host
	if host == "" {
		host = u.Host
	}
	query := ""
	if o.Query != "" {
		query = fmt.Sprintf("set $args %q;", o.Query)
	}
	n, err := startNginx(ctx, dir, fmt.Sprintf(cdnSections, dir, u.Host, local(port), host, o.Secret, query), port)
	if err != nil {
		return nil, err
	}
	return &CDN{Nginx: n, URL: "http://" + local(port)}, nil
}

// cdnSections is the configuration that docs/origin.md shows.
const cdnSections = `
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	proxy_cache_path %[1]s/cache keys_zone=live:10m max_size=1g inactive=1m use_temp_path=off;

	upstream weir { server %[2]s; keepalive 32; }

	server {
		listen %[3]s;

		location ~ ^/live/.*\.flv$ {
			%[6]s
			proxy_pass http://weir;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host %[4]s;
			proxy_set_header X-Weir-Puller "%[5]s";
			proxy_buffering off;
			proxy_read_timeout 1m;
		}

		location / {
			%[6]s
			proxy_pass http://weir;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host %[4]s;
			proxy_set_header X-Weir-Puller "%[5]s";
			proxy_set_header Accept-Encoding "";
			proxy_cache live;
			proxy_cache_key $host$uri;
			proxy_cache_lock on;
			proxy_cache_lock_timeout 30s;
			proxy_cache_lock_age 30s;
			proxy_cache_revalidate on;
			proxy_cache_use_stale updating;
			proxy_cache_background_update on;
			add_header X-Cache $upstream_cache_status;
		}
	}
}
`
