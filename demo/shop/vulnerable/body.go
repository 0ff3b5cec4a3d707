// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package vulnerable

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// maxBody is body-parser's default limit, counted after inflation.
const maxBody = 100 << 10

// readBody reads a body as express.json() and express.urlencoded({extended:
// true}) do. It forgives as much as they do, which is why a filter that reads
// bytes in front of it overlooks so much: content codings, charsets such as
// UTF-16 and UTF-7, escapes, a byte order mark, duplicate keys (the last one
// wins). A body of another type is not read: it counts as empty.
func readBody(r *http.Request) (map[string]any, error) {
	mediaType, charset := contentTypeOf(r)
	if mediaType != "application/json" && mediaType != "application/x-www-form-urlencoded" {
		return map[string]any{}, nil
	}
	raw, err := inflate(r)
	if err != nil {
		return nil, err
	}
	if mediaType == "application/x-www-form-urlencoded" {
		if charset != "" && charset != "utf-8" {
			return nil, &statusError{http.StatusUnsupportedMediaType, fmt.Errorf("unsupported charset %q", charset)}
		}
		return parseForm(string(raw))
	}
	text, err := decode(raw, charset)
	if err != nil {
		return nil, err
	}
	return parseJSON(text)
}

// contentTypeOf returns the media type and the charset of a request. It is as
// lenient as Express: junk between the parameters is skipped.
func contentTypeOf(r *http.Request) (mediaType, charset string) {
	mediaType, rest, _ := strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
	for parameter := range strings.SplitSeq(rest, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if strings.TrimSpace(name) == "charset" {
			charset = strings.Trim(value, "\" \t")
		}
	}
	return strings.TrimSpace(mediaType), charset
}

// inflate returns the body without its content coding.
func inflate(r *http.Request) ([]byte, error) {
	body := io.Reader(r.Body)
	var err error
	switch coding := strings.ToLower(r.Header.Get("Content-Encoding")); coding {
	case "", "identity":
	case "gzip":
		body, err = gzip.NewReader(r.Body)
	case "deflate":
		body, err = zlib.NewReader(r.Body)
	case "br":
		body = brotli.NewReader(r.Body)
	default:
		return nil, &statusError{http.StatusUnsupportedMediaType, fmt.Errorf("unsupported content encoding %q", coding)}
	}
	if err != nil {
		return nil, badRequest("%w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return nil, badRequest("%w", err)
	}
	if len(raw) > maxBody {
		return nil, &statusError{http.StatusRequestEntityTooLarge, fmt.Errorf("request entity too large")}
	}
	return raw, nil
}

// decode turns a JSON body of any charset that body-parser accepts into UTF-8.
func decode(raw []byte, charset string) ([]byte, error) {
	switch charset {
	case "", "utf-8":
		return bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), nil
	case "utf-7":
		return decodeUTF7(raw), nil
	case "utf-16", "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(raw)
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Bytes(raw)
	case "utf-32", "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM).NewDecoder().Bytes(raw)
	case "utf-32be":
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM).NewDecoder().Bytes(raw)
	}
	return nil, &statusError{http.StatusUnsupportedMediaType, fmt.Errorf("unsupported charset %q", charset)}
}

// parseJSON decodes an object into plain maps, so that an object stays an
// object wherever a string was meant. An empty body is an empty object.
func parseJSON(text []byte) (map[string]any, error) {
	if len(text) == 0 {
		return map[string]any{}, nil
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, badRequest("SyntaxError: %w in JSON %.80q", err, text)
	}
	switch value := value.(type) {
	case map[string]any:
		return value, nil
	case []any: // body.email of an array is undefined.
		return map[string]any{}, nil
	}
	return nil, badRequest("SyntaxError: not an object: %.80q", text)
}
