// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package page

// Rewriter puts a nonce on every <script>, <style> and <link> to a style sheet or to
// something that is loaded early. A tag that has a nonce keeps its own. It is for one
// page.
type Rewriter struct {
	// Over puts the nonce in front of one that a tag has, too: browsers take the first.
	Over bool

	s scanner
	// nonce is an attribute without quotes and with a space at either end. Where a
	// browser, which has a tree, does not see a tag but some text or the value of an
	// attribute, it is more text there, and ends nothing: nor a value without quotes,
	// since it is only put in front of white space or a >, which end that anyway.
	nonce string

	dst, chunk []byte
	done       int // so much of the chunk is in dst
}

// NewRewriter returns a rewriter for one page. The nonce must be of letters, digits, +,
// /, - and _.
func NewRewriter(nonce string) *Rewriter {
	r := &Rewriter{nonce: " nonce=" + nonce + " "}
	r.s.h = r
	return r
}

// Append appends to dst what of the page can leave, once the chunk has come: all of it
// but for an unfinished tag.
func (r *Rewriter) Append(dst, chunk []byte) []byte {
	r.dst, r.chunk, r.done = dst, chunk, 0
	unfinished := r.s.scan(chunk)
	dst = append(r.dst, chunk[r.done:unfinished]...)
	r.dst, r.chunk = nil, nil
	return dst
}

// Close appends what was kept back at the end of the page.
func (r *Rewriter) Close(dst []byte) []byte {
	if r.s.wanted {
		dst = append(dst, r.s.attrs...)
	}
	r.s.attrs, r.s.wanted = r.s.attrs[:0], false
	return dst
}

func (r *Rewriter) wants(name []byte) bool {
	return string(name) == "script" || string(name) == "style" || string(name) == "link"
}

func (r *Rewriter) tag(name, attrs []byte, from, to int) {
	r.dst = append(r.dst, r.chunk[r.done:from]...)
	if r.needs(name, attrs) {
		r.dst = append(r.dst, r.nonce...)
	}
	r.dst = append(r.dst, attrs...)
	r.done = to
}

// needs reports whether a tag is to have the nonce. One with a slash behind its name has
// none, which nobody writes.
func (r *Rewriter) needs(name, attrs []byte) bool {
	if !r.wants(name) || attrs[0] == '/' {
		return false
	}
	if own, _ := value(attrs, "nonce"); len(own) > 0 && !r.Over {
		return false
	}
	if string(name) != "link" {
		return true
	}
	rel, _ := value(attrs, "rel")
	return hasWord(rel, "stylesheet") || hasWord(rel, "preload") || hasWord(rel, "modulepreload")
}

func (r *Rewriter) overlong(attrs []byte) {
	r.dst = append(r.dst, r.chunk[r.done:len(r.chunk)-min(len(r.chunk), len(attrs))]...)
	r.dst = append(r.dst, attrs...)
	r.done = len(r.chunk)
}

func (r *Rewriter) text([]byte)   {}
func (r *Rewriter) close()        {}
func (r *Rewriter) markup([]byte) {}
func (r *Rewriter) broken()       {}
