// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
)

// peerGuard refuses operators and prototype keys, and wants a string in every
// field called e. Its errors are no problems, and must not be lost for that.
type peerGuard struct{}

var errPeerKey, errPeerType = errors.New("a key"), errors.New("a type")

func (peerGuard) Key(p *inspect.Path) error {
	if strings.HasPrefix(p.Name(), "$") || inspect.PrototypeKey(p) {
		return errPeerKey
	}
	return nil
}

func (peerGuard) Value(p *inspect.Path, k inspect.Kind) error {
	if p.Name() == "e" && k != inspect.String {
		return errPeerType
	}
	return nil
}

// What Node's parsers made of each of these was recorded from qs 6.5, 6.11 and
// 6.17, cookie 0.4 and 0.7 with cookie-parser 1.4, and body-parser 2.4.
func TestWhatNodeParsersMakeOfIt(t *testing.T) {
	tests := []struct {
		name, text string
		passes     bool
	}{
		// qs: the value of a name that holds others becomes one more key.
		{"value-becomes-a-key", "e[x]=1&e=$ne", false},                       // {e:{x:1,$ne:true}}
		{"value-becomes-a-key-deeper", "a[e][x]=1&a[e]=$ne", false},          // {a:{e:{x:1,$ne:true}}}
		{"open-bracket-and-plain", "a[=1&a=$ne", false},                      // up to 6.11 two names, 6.17: {a:[{"[":1},"$ne"]}
		{"value-becomes-a-key-with-dots", "a.b=1&a=$ne", false},              // allowDots: {a:{b:1,$ne:true}}
		{"value-becomes-a-key-with-dots-behind", "a[b][c]=1&a.b=$ne", false}, // the same
		{"value-becomes-a-prototype-key", "constructor.x=1&constructor=prototype", false},
		{"value-becomes-a-key-of-an-item", "0[x]=1&[]=$ne", false},             // up to 6.11: {0:{x:1,$ne:true}}
		{"value-becomes-a-key-of-a-list-in-a-list", "[][x]=1&[][]=$ne", false}, // the same
		{"values-stay-values", "a.b=1&c=$ne&d=$gt", true},
		{"image-button", "send.x=3&send.y=4&send=Go", true},

		// qs: several spellings of one name.
		{"root-in-brackets", "[e]=1&e=2", false},             // {e:[1,2]}
		{"given-twice", "e=1&e=2", false},                    // {e:[1,2]}
		{"nested-given-twice", "a[e]=1&a[e]=2", false},       // {a:{e:[1,2]}}
		{"text-behind-the-bracket", "a[e]=1&a[e]x=2", false}, // up to 6.11: {a:{e:[1,2]}}
		{"items-of-both-kinds", "a[0][e]=1&a[][e]=2", false}, // up to 6.11: {a:[{e:[1,2]}]}
		{"list", "e[]=1", false},
		{"position", "e[0]=1", false},
		{"plain-and-nested", "user[e]=1&user[e][x]=2", false},
		{"open-bracket", "e[", false}, // 6.17: {e:{"[":""}}
		{"once-each", "e=1&user[e]=2&other[e]=3", true},
		{"list-of-others", "x[]=1&x[]=2&y[0]=1&y[1]=2", true},
		{"lists-in-lists", "x[][]=1&x[][]=2", true},
		{"json-as-a-name", `{"ids":[1,2]}`, true},

		// Other ends of a name.
		{"qs-ends-a-name-at-bracket-equals", "q=x[$ne]=1", false},       // {"q=x":{$ne:1}}
		{"encoded-bracket-equals", "q=x%5B$ne%5d=1", false},             // the same
		{"plain-bracket-equals-behind-an-encoded", "%5D=[$ne]=", false}, // up to 6.11: {"]=":{$ne:""}}
		{"url-in-a-value", "next=/p?a[b]=c&next2=/p?a[b]=c", true},
		{"question-mark", "?$ne=1", false},                              // URLSearchParams: {$ne:1}
		{"semicolon-separates-nothing", "a=1;b[$ne]=2", false},          // {"a":...,"1;b"}
		{"escaped-twice", "a%255B$ne%255D=1", true},                     // {"a%5B$ne%5D":1}
		{"dots", "a.$ne=1", false},                                      // allowDots: {a:{$ne:1}}
		{"dots-make-an-object", "e.x=1", false},                         // allowDots: {e:{x:1}}
		{"dots-make-a-list", "e.0=1", false},                            // allowDots: {e:["1"]}
		{"dots-and-brackets-are-one-name", "user.e=1&user[e]=2", false}, // allowDots: {user:{e:[1,2]}}
		{"brackets-and-dots-are-one-name", "user[e]=1&user.e=2", false}, // the same
		{"dots-twice", "user.e=1&user.e=2", false},                      // the same
		{"dots-of-other-names", "user.x=1&user.e=2&other[e]=3", true},
		{"dots-above", "user.e=1", true},
		{"dots-in-brackets", "a[b.$ne]=1", false},                           // the same, up to 6.11
		{"prototype-behind-dots", "a.constructor.[prototype]=1", false},     // allowDots: {a:{constructor:{prototype:1}}}
		{"prototype-of-a-dotted-name", "a.constructor[prototype]=1", false}, // the same
		{"quotes-in-brackets", "a['$ne']=1", false},                         // lodash.set: {a:{$ne:1}}
		{"double-quotes-in-brackets", `a["$ne"]=1`, false},
		{"escape-in-quotes", `a['\$ne']=1`, false},
		{"quotes-at-the-root", "['$ne']=1", false},
		{"quotes-and-dots", "a['b'].$ne=1", false},
		{"object-in-quotes", "a['e'].x=1", false},
		{"prototype-in-quotes", "constructor['prototype']['x']=1", false},
		{"dot-at-the-end", "e.=1", false},          // lodash.set: {e:{"":1}}
		{"two-dots", "e..x=1", false},              // lodash.set: {e:{"":{x:1}}}
		{"dot-before-a-bracket", "e.[x]=1", false}, // lodash.set: {e:{x:1}}
		{"field-in-quotes", "user['name']=1&user['e']=2&it's=3", true},
		{"dots-of-no-field", "Nr.=1&.5=2&a..b=3", true},
		{"prototype", "constructor[prototype][x]=1", false},
		{"constructor-alone", "constructor=1&prototype=2", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := inspect.ReadQuery(tt.text, peerGuard{}, nil); (err == nil) != tt.passes {
				t.Errorf("query %q: got %v; want it to pass: %v", tt.text, err, tt.passes)
			}
			if err := peerBody("application/x-www-form-urlencoded", tt.text); (err == nil) != tt.passes {
				t.Errorf("form %q: got %v; want it to pass: %v", tt.text, err, tt.passes)
			}
		})
	}
}

func peerBody(contentType, body string) error {
	r, err := http.NewRequest("POST", "/", strings.NewReader(body))
	if err != nil {
		return err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	_, err = inspect.ReadBody(r, inspect.Options{MaxBytes: 100 << 10, Visitor: peerGuard{}, Multipart: true})
	return err
}

func TestWhatNodeParsersMakeOfBodies(t *testing.T) {
	deep := strings.Repeat("[", 10_100) + strings.Repeat("]", 10_100)
	part := func(names ...string) string {
		var b strings.Builder
		for _, n := range names {
			b.WriteString("--x\r\nContent-Disposition: form-data; name=\"" + n + "\"\r\n\r\nv\r\n")
		}
		return b.String() + "--x--\r\n"
	}
	tests := []struct {
		name, contentType, body string
		passes                  bool
	}{
		{"form-behind-a-byte-order-mark", "application/x-www-form-urlencoded", "\xef\xbb\xbf$where=1", false},    // body-parser: {$where:1}
		{"form-with-an-escaped-mark", "application/x-www-form-urlencoded", "%EF%BB%BF$where=1", false},           // busboy 0.3: {$where:1}
		{"form-with-an-escaped-mark-later", "application/x-www-form-urlencoded", "a=1&%EF%BB%BF$where=1", false}, // the same
		{"form-with-a-mark-inside-a-name", "application/x-www-form-urlencoded", "a%EF%BB%BF$where=1", true},
		{"json-sent-as-a-form", "application/x-www-form-urlencoded", `{"a":{"$ne":1}}`, false}, // express.json({type: '*/*'})
		{"json-sent-as-text", "text/plain", `{"a":{"$ne":1}}`, false},
		{"json-behind-much-white-space", "", strings.Repeat("\n", 5000) + `{"a":{"$ne":1}}`, false},
		{"json-with-broken-utf-8", "text/plain", "{\"x\":\"\xff\",\"$ne\":1}", false},
		{"json-with-a-lone-surrogate-in-front", "text/plain", `{"x":"\ud800","$ne":1}`, false},
		{"json-repeating-a-name-in-front", "text/plain", `{"x":1,"x":2,"$ne":1}`, false},
		{"json-too-deep-for-go", "text/plain", `{"x":"\ud800","y":` + deep + `,"$ne":1}`, false},
		{"text-that-stops-being-json", "text/plain", `[note] "$ne": 1`, true},
		{"multipart", "multipart/form-data; boundary=x", part("user[$ne]"), false},
		{"multipart-behind-a-byte-order-mark", "multipart/form-data; boundary=x", part("\ufeff$ne"), false}, // multer 1.4.4, fetch: {$ne:v}
		{"multipart-typed-behind-a-mark", "multipart/form-data; boundary=x", part("\ufeffe[x]"), false},     // multer 1.4.4: {e:{x:v}}
		{"multipart-prototype-behind-a-mark", "multipart/form-data; boundary=x", part("\ufeffconstructor[prototype][x]"), false},
		{"multipart-mark-inside-a-name", "multipart/form-data; boundary=x", part("a\ufeff$ne"), true},
		{"multipart-field-twice", "multipart/form-data; boundary=x", part("e", "e"), false}, // multer: {e:[v,v]}
		{"multipart-plain-and-nested", "multipart/form-data; boundary=x", part("a", "a[b]"), false},
		{"multipart-fields", "multipart/form-data; boundary=x", part("e", "a[b]", "a[c]"), true},
		{"multipart-by-another-name", "multipart/mixed; boundary=x", part("$ne"), false}, // formidable reads it
		{"multipart-in-a-parameter", "text/plain; a=multipart; boundary=x", part("$ne"), false},
		{"form-by-another-name", "text/x-urlencoded", "$where=1", false}, // the same
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := peerBody(tt.contentType, tt.body); (err == nil) != tt.passes {
				t.Errorf("%.60q as %q: got %v; want it to pass: %v", tt.body, tt.contentType, err, tt.passes)
			}
		})
	}
}

func TestWhatNodeParsersMakeOfCookies(t *testing.T) {
	tests := []struct {
		name, value string
		passes      bool
	}{
		{"json", `j:{"$ne":1}`, false},
		{"escaped", `j%3A%7B%22%24ne%22%3A1%7D`, false},
		{"signed", `s:j:{"$ne":1}.c2lnbmF0dXJl`, false},
		{"quoted", `"j:{"$ne":1}"`, false},
		{"quoted-at-one-end", `"j:{"$ne":1}X`, false}, // cookie 0.4 cuts off whatever is last
		{"quoted-and-any-byte", "\"j:{\"%24ne\":1}\xe9", false},
		{"bad-escape-in-a-value", `j:{"a":"%zz","$ne":1}`, false},      // then nothing is unescaped
		{"escape-that-is-no-utf-8", `j:{"x":"%ff%22","$ne":1}`, false}, // the same
		{"raw-byte", "j:{\"x\":\"\xe9\",\"%24ne\":1}", false},          // is ISO 8859-1, and all is unescaped
		{"no-break-space", "\xa0j:{\"$ne\":1}", false},                 // cookie 0.4 trims it
		{"lone-surrogate-in-front", `j:{"a":"\ud800","$ne":1}`, false},
		{"repeated-name", `j:{"a":1,"a":{"$ne":1}}`, false},
		{"other-text", `a$ne:{"$ne":1}`, true},
		{"harmless-json", `j:{"a":[1,2]}`, true},
		{"no-json", `j:{$ne`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := []string{"first=1", "x=y; name=" + tt.value}
			if err := inspect.ReadCookies(lines, peerGuard{}); (err == nil) != tt.passes {
				t.Errorf("%q: got %v; want it to pass: %v", tt.value, err, tt.passes)
			}
		})
	}
}
