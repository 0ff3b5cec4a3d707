// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package forward hands requests to an app and its answers back, as
// httputil.ReverseProxy does, for the case that a gateway is in nearly always.
//
// # What it does
//
// [Handler] has the fields of ReverseProxy that the guard uses, and they mean the same:
// fields of the connection end here both ways, forwarding headers that the client sent
// are gone before Rewrite, informational answers and trailers pass, and an answer that
// breaks off breaks off the client's. It copies a request's header once instead of
// twice and what else the request has not at all.
//
// An answer leaves as it comes: whatever has arrived is sent before the next read that
// may have to wait, the header before the body, whether or not the length is known.
//
// # What it does not do
//
// It switches no protocols: give upgrades to ReverseProxy. The app's transport must be done with the
// header and the URL of a request when RoundTrip returns, and calls Got1xxResponse before that.
// That is so for package http1, and not for http.Transport.
package forward

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
)

// Handler forwards requests. Compare [httputil.ReverseProxy].
type Handler struct {
	Transport http.RoundTripper
	// Rewrite makes the request for the app.
	Rewrite func(*httputil.ProxyRequest)
	// ModifyResponse looks at an answer before it leaves. Its error is for ErrorHandler.
	ModifyResponse func(*http.Response) error
	// ErrorHandler answers when the app did not.
	ErrorHandler func(http.ResponseWriter, *http.Request, error)
	// Broken is told of an answer that broke off after it had begun. The client's then
	// breaks off, too.
	Broken func(*http.Request, error)
}

// room is what a request needs for its way, used again by others.
type room struct {
	w      http.ResponseWriter
	pair   httputil.ProxyRequest
	header http.Header
	url    url.URL
	inform func(int, textproto.MIMEHeader) error
	trace  httptrace.ClientTrace
	buf    [32 << 10]byte
}

var rooms = sync.Pool{New: func() any {
	space := &room{header: http.Header{}}
	space.inform = space.informed
	return space
}}

func (space *room) leave() {
	clear(space.header)
	space.w, space.pair, space.url, space.trace = nil, httputil.ProxyRequest{}, url.URL{}, httptrace.ClientTrace{}
	rooms.Put(space)
}

// informed passes an informational answer on.
func (space *room) informed(status int, header textproto.MIMEHeader) error {
	h := space.w.Header()
	before := maps.Clone(h) // is for the final one, such as that the connection ends
	for name, values := range header {
		h[name] = append(h[name], values...)
	}
	space.w.WriteHeader(status)
	clear(h)
	maps.Copy(h, before)
	return nil
}

var errSwitched = errors.New("the app switched protocols, which nobody asked for")

func (f *Handler) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	space := rooms.Get().(*room)
	defer space.leave()
	space.w, space.url, space.trace.Got1xxResponse = w, *in.URL, space.inform
	out := in.WithContext(httptrace.WithClientTrace(in.Context(), &space.trace))
	out.URL, out.Header = &space.url, space.header
	copyRequestHeader(out.Header, in.Header)
	if in.ContentLength == 0 {
		out.Body = nil
	}
	out.Close = false
	space.pair = httputil.ProxyRequest{In: in, Out: out}
	f.Rewrite(&space.pair)

	res, err := f.Transport.RoundTrip(out)
	if err == nil && res.StatusCode == http.StatusSwitchingProtocols {
		res.Body.Close()
		err = errSwitched
	}
	if err != nil {
		f.ErrorHandler(w, out, err)
		return
	}
	waits := mayWait(res)
	removeHopByHop(res.Header)
	if err := f.ModifyResponse(res); err != nil {
		res.Body.Close()
		f.ErrorHandler(w, out, err)
		return
	}
	defer res.Body.Close()
	announced := copyAnswerHeader(w.Header(), res)
	w.WriteHeader(res.StatusCode)
	if res.Body == http.NoBody {
		return
	}
	if waits {
		flush(w)
	}
	if err := f.copy(w, res, space.buf[:]); err != nil {
		panic(http.ErrAbortHandler) // the client must not take it for whole
	}
	copyTrailers(w, res, announced)
}

// copy passes the body on.
func (f *Handler) copy(w http.ResponseWriter, res *http.Response, buf []byte) error {
	for {
		n, err := res.Body.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			f.Broken(res.Request, err)
			return err
		case n > 0:
			if err := flush(w); err != nil {
				return err
			}
		}
	}
}

// mayWait reports whether the header should leave before the body is read: where its first
// bytes are not there yet, or where that is not known, of an answer that may be a stream.
func mayWait(res *http.Response) bool {
	if body, ok := res.Body.(interface{ Ready() bool }); ok {
		return !body.Ready()
	}
	return res.ContentLength < 0 || strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream")
}

func flush(w http.ResponseWriter) error {
	if f, ok := w.(interface{ FlushError() error }); ok {
		return f.FlushError()
	}
	return http.NewResponseController(w).Flush()
}

// copyRequestHeader leaves out what is about the client's connection, and what it says
// about who it is.
func copyRequestHeader(to, from http.Header) {
	for name, values := range from {
		if !hopByHop(name) && !ofForwarding(name) {
			to[name] = values
		}
	}
	for _, line := range from["Connection"] {
		removeNamed(to, line)
	}
	for _, line := range from["Te"] {
		if listed(line, "trailers") {
			to["Te"] = trailers
		}
	}
}

var trailers = []string{"trailers"}

func ofForwarding(name string) bool {
	switch name {
	case "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto":
		return true
	}
	return false
}

// hopByHop reports whether a field is about one connection.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

func removeHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		removeNamed(h, line)
	}
	for name := range h {
		if hopByHop(name) {
			delete(h, name)
		}
	}
}

// removeNamed removes the fields that a line of Connection names.
func removeNamed(h http.Header, line string) {
	for more := true; more; {
		var name string
		name, line, more = strings.Cut(line, ",")
		if name = textproto.TrimString(name); name != "" {
			h.Del(name)
		}
	}
}

func listed(line, word string) bool {
	for item := range strings.SplitSeq(line, ",") {
		if strings.EqualFold(textproto.TrimString(item), word) {
			return true
		}
	}
	return false
}

// copyAnswerHeader also keeps net/http from guessing a type, which the app has not said and
// browsers that are told nosniff would not guess, and announces the trailers, as far as the app has, and tells how many.
func copyAnswerHeader(to http.Header, res *http.Response) (announced int) {
	for name, values := range res.Header {
		if have, ok := to[name]; ok {
			values = append(have[:len(have):len(have)], values...)
		}
		to[name] = values
	}
	if _, ok := to["Content-Type"]; !ok {
		to["Content-Type"] = nil
	}
	if len(res.Trailer) > 0 {
		all := make([]string, 0, len(res.Trailer))
		for name := range res.Trailer {
			all = append(all, name)
		}
		to.Add("Trailer", strings.Join(all, ", "))
	}
	return len(res.Trailer)
}

// copyTrailers sends what stood behind the body.
func copyTrailers(w http.ResponseWriter, res *http.Response, announced int) {
	if len(res.Trailer) == 0 {
		return
	}
	flush(w) // else net/http finds the length out, and has no place for trailers
	prefix := http.TrailerPrefix
	if len(res.Trailer) == announced {
		prefix = ""
	}
	for name, values := range res.Trailer {
		for _, v := range values {
			w.Header().Add(prefix+name, v)
		}
	}
}
