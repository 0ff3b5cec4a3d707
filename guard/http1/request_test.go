// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

// sysConn gives a wrapped connection the descriptor of the one inside.
type sysConn struct{ tcp *net.TCPConn }

func (s sysConn) SyscallConn() (syscall.RawConn, error) { return s.tcp.SyscallConn() }

func TestRequestsAsWritten(t *testing.T) {
	in := func(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }
	memory := func() (io.ReadCloser, error) { return nil, nil }
	for name, test := range map[string]struct {
		r    http.Request
		path string
		want string
		err  error
	}{
		"get":                 {http.Request{}, "/a", "GET /a HTTP/1.1\r\nHost: app\r\n\r\n", nil},
		"no-path":             {http.Request{}, "", "GET / HTTP/1.1\r\nHost: app\r\n\r\n", nil},
		"query":               {http.Request{}, "/a?b=c;d&%zz", "GET /a?b=c;d&%zz HTTP/1.1\r\nHost: app\r\n\r\n", nil},
		"empty-query":         {http.Request{}, "/a?", "GET /a? HTTP/1.1\r\nHost: app\r\n\r\n", nil},
		"escapes":             {http.Request{}, "/a%2Fb%c3%bc", "GET /a%2Fb%c3%bc HTTP/1.1\r\nHost: app\r\n\r\n", nil},
		"host":                {http.Request{Host: "shop.example:80"}, "/", "GET / HTTP/1.1\r\nHost: shop.example:80\r\n\r\n", nil},
		"asterisk":            {http.Request{Method: "OPTIONS"}, "*", "OPTIONS * HTTP/1.1\r\nHost: app\r\n\r\n", nil},
		"field":               {http.Request{Header: http.Header{"X-Own": {"a", " b\t"}}}, "/", "GET / HTTP/1.1\r\nHost: app\r\nX-Own: a\r\nX-Own: b\r\n\r\n", nil},
		"no-user-agent":       {http.Request{Header: http.Header{"User-Agent": {""}}}, "/", "GET / HTTP/1.1\r\nHost: app\r\n\r\n", nil},
		"framing-is-ours":     {http.Request{Header: http.Header{"Content-Length": {"9"}, "Transfer-Encoding": {"x"}, "Trailer": {"x"}, "Host": {"x"}}}, "/", "GET / HTTP/1.1\r\nHost: app\r\n\r\n", nil},
		"post-of-nothing":     {http.Request{Method: "POST"}, "/", "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 0\r\n\r\n", nil},
		"delete-of-nothing":   {http.Request{Method: "DELETE", Body: http.NoBody}, "/", "DELETE / HTTP/1.1\r\nHost: app\r\n\r\n", nil},
		"body-in-memory":      {http.Request{Method: "POST", Body: in("{}"), ContentLength: 2, GetBody: memory}, "/", "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\n\r\n{}", nil},
		"body-to-come":        {http.Request{Method: "POST", Body: in("{}"), ContentLength: 2}, "/", "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\n\r\n", nil},
		"body-in-chunks":      {http.Request{Method: "POST", Body: in("{}"), ContentLength: -1}, "/", "POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n", nil},
		"body-too-short":      {http.Request{Method: "POST", Body: in("{"), ContentLength: 2, GetBody: memory}, "/", "", errLength},
		"length-and-no-body":  {http.Request{Method: "POST", ContentLength: 2}, "/", "", errLength},
		"two-requests-in-one": {http.Request{Header: http.Header{"X": {"a\r\n\r\nGET /b HTTP/1.1"}}}, "/", "", errField},
		"line-feed-in-a-name": {http.Request{Header: http.Header{"X\n": {"a"}}}, "/", "", errField},
		"nul-in-a-value":      {http.Request{Header: http.Header{"X": {"\x00"}}}, "/", "", errField},
		"space-in-the-query":  {http.Request{URL: &url.URL{Path: "/", RawQuery: "a= HTTP/1.1"}}, "", "", errTarget},
		"lines-in-the-query":  {http.Request{URL: &url.URL{Path: "/", RawQuery: "a\r\nb"}}, "", "", errTarget},
		"space-in-the-method": {http.Request{Method: "GET /x"}, "/", "", errMethod},
		"lines-in-the-host":   {http.Request{Host: "a\r\nX: y"}, "/", "", errHost},
		"space-in-the-host":   {http.Request{Host: "a b"}, "/", "", errHost},
	} {
		t.Run(name, func(t *testing.T) {
			r := &test.r
			if r.URL == nil {
				r.URL = &url.URL{Scheme: "http", Host: "app", Path: test.path}
				if u, err := url.Parse("http://app" + test.path); err == nil && test.path != "*" {
					r.URL = u
				}
			}
			var out outgoing
			err := out.compose(r)
			if err == nil {
				err = out.load(r)
			}
			if err != test.err || err == nil && string(out.b) != test.want {
				t.Errorf("got %q, %v; want %q, %v", out.b, err, test.want, test.err)
			}
		})
	}
}
