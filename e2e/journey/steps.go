// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package journey

import "slices"

// Content types.
const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
	typeFile = "multipart/form-data; boundary=" + boundary
)

// front is the one other origin that the shop's CORS headers name.
const front = "https://front.shop.example"

// steps is the whole journey, in order. Names are unique.
func steps() []step {
	return slices.Concat(pages(), products(), accounts(), uploads(), downloads(),
		bodies(), items(), crossOrigin(), cookies(), streams())
}

func jsonBody(name, method, path, body string) step {
	return step{name: name, method: method, path: path, header: header{"Content-Type": typeJSON}, body: []byte(body)}
}

func pages() []step {
	return []step{
		{name: "home", path: "/", header: header{"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "de-AT,de;q=0.9"},
			keepHeader: map[string]string{"home-etag": "ETag"}},
		{name: "home-again", path: "/"},
		{name: "home-conditional", path: "/", header: header{"If-None-Match": "{home-etag}"}, want: 304},
		{name: "home-head", method: "HEAD", path: "/"},
		{name: "home-with-campaign", path: "/?utm_source=newsletter&utm_campaign=50%25+off&ref="},
		{name: "redirect", path: "/old", want: 301},
		{name: "unknown-page", path: "/no/such/page", want: 404},
		{name: "unknown-api", path: "/api/no-such-thing?x=1", want: 404},
	}
}

func products() []step {
	return []step{
		{name: "products", path: "/api/products", keepHeader: map[string]string{"products-etag": "ETag"}},
		{name: "products-conditional", path: "/api/products", header: header{"If-None-Match": "{products-etag}"}, want: 304},
		{name: "products-head", method: "HEAD", path: "/api/products"},
		{name: "products-rating-lte", path: "/api/products?rating[lte]=10"},
		{name: "products-rating-range-encoded", path: "/api/products?rating%5Bgte%5D=4&rating%5Blt%5D=8"},
		{name: "products-plus", path: "/api/products?q=desk+lamp"},
		{name: "products-percent-20", path: "/api/products?q=desk%20lamp"},
		{name: "products-apostrophe", path: "/api/products?q=O%27Brien"},
		{name: "products-unicode", path: "/api/products?q=Caf%C3%A9"},
		{name: "products-empty-filter", path: "/api/products?q="},
		{name: "products-other-spelling", path: "/API/Products/?q=pen"}, // Express forgives both
		{name: "query-repeated", path: "/api/search?tag=a&tag=b"},
		{name: "query-array", path: "/api/search?tag[]=a&tag[]=b&size[0]=m"},
		{name: "query-nested", path: "/api/search?where[city]=Graz&where[zip]=8010"},
		{name: "query-date", path: "/api/search?from=2024-05-01T10%3A00%3A00%2B02%3A00&to=2024-05-31"},
		{name: "query-dollar-values", path: "/api/search?price=$5&q=%24ne&code=a$b"},
		{name: "query-sql-words", path: "/api/search?q=select%20a%20table%20from%20IKEA%20--%20or%201%3D1"},
		{name: "query-unicode", path: "/api/search?q=%E6%9D%B1%E4%BA%AC+%F0%9F%97%BC"},
		{name: "query-no-value", path: "/api/search?inStock&sort=-price,name"},
	}
}

func accounts() []step {
	bearer := func(name string) header { return header{"Authorization": "Bearer {" + name + "}"} }
	login := func(name, email, password string) step {
		s := jsonBody(name, "POST", "/api/login", `{"email":"`+email+`","password":"`+password+`"}`)
		s.header["Origin"], s.header["Sec-Fetch-Site"] = "{origin}", "same-origin" // as a browser's fetch
		return s
	}
	keep := func(s step, name string) step {
		s.keepBody = map[string]string{name: `"token":"([^"]+)"`}
		return s
	}
	want := func(status int, s step) step { s.want = status; return s }
	form := func(name, path, body string) step {
		return step{name: name, method: "POST", path: path, header: header{"Content-Type": typeForm, "Origin": "{origin}"}, body: []byte(body)}
	}
	return []step{
		{name: "me-without-token", path: "/api/me", want: 401},
		keep(login("login", "alice@shop.example", "sunshine1"), "alice"),
		{name: "me", path: "/api/me", header: bearer("alice")},
		{name: "me-again", path: "/api/me", header: bearer("alice")},
		{name: "admin-as-user", path: "/api/admin/users", header: bearer("alice"), want: 403},
		want(401, login("login-wrong-password", "alice@shop.example", "sunshine2")), // failure 1
		want(201, jsonBody("register-o-brien", "POST", "/api/users",
			`{"name":"O'Brien-Müller","email":"sean+shop@obrien.example","password":"pa$$w0rd&1"}`)),
		keep(login("login-dollar-password", "sean+shop@obrien.example", "pa$$w0rd&1"), "sean"),
		{name: "me-o-brien", path: "/api/me", header: bearer("sean")},
		want(201, jsonBody("register-unicode", "POST", "/api/users",
			"{\n  \"name\": \"李小龍 🐉\",\n  \"email\": \"li@shop.example\",\n  \"password\": \"{\\\"$ne\\\": \\\"\\\"}\"\n}\n")),
		login("login-operator-like-password", "li@shop.example", `{\"$ne\": \"\"}`), // a string, and the right one
		form("login-urlencoded", "/api/login", "email=sean%2Bshop%40obrien.example&password=pa%24%24w0rd%261"),
		want(204, step{name: "logout", method: "POST", path: "/api/logout"}),
		want(401, form("form-login-wrong", "/login", "email=alice%40shop.example&password=wrong+one")), // failure 2
		want(302, step{name: "account-logged-out", path: "/account"}),
		want(302, form("form-login", "/login", "email=alice%40shop.example&password=sunshine1")),
		{name: "account", path: "/account"},
		want(302, form("form-login-encoded", "/login", "email=sean%2Bshop%40obrien.example&password=pa%24%24w0rd%261")),
		{name: "account-o-brien", path: "/account"},
	}
}

func uploads() []step {
	file := func(name, filename, contentType string, content []byte, fields ...string) step {
		return step{name: name, method: "POST", path: "/api/upload", want: 201,
			header:   header{"Content-Type": typeFile},
			body:     form(filename, contentType, content, fields...),
			keepBody: map[string]string{name: `"path":"([^"]+)"`}}
	}
	unsized := file("upload-unsized", "scan.pdf", "application/pdf", PDF())
	unsized.unsized = true
	expect := file("upload-expect-continue", "photo.jpeg", "image/jpeg", JPEG())
	expect.header["Expect"] = "100-continue"
	return []step{
		file("upload-jpeg", "photo.jpg", "image/jpeg", JPEG()),
		file("upload-png", "screen shot (1).png", "image/png", PNG()),
		file("upload-webp", "picture.webp", "image/webp", WebP()),
		file("upload-pdf", "invoice.pdf", "application/pdf", PDF()),
		file("upload-upper-case", "DSC0001.JPG", "image/jpeg", JPEG()),
		file("upload-unicode-name", "O'Brien-Müller – Rechnung №5.pdf", "application/pdf", PDF()),
		file("upload-with-fields", "b.png", "image/png", PNG(), "caption", "Sold for $5 {$x}", "tags[]", "a", "tags[]", "b"),
		unsized,
		expect,
		{name: "download-jpeg", path: "{upload-jpeg}"},
		{name: "download-png", path: "{upload-png}"},
		{name: "download-webp", path: "{upload-webp}"},
		{name: "download-pdf", path: "{upload-pdf}"},
		{name: "download-unicode-name", path: "{upload-unicode-name}"},
		{name: "download-unsized", path: "{upload-unsized}"},
		{name: "download-part", path: "{upload-jpeg}", header: header{"Range": "bytes=0-15"}, want: 206},
	}
}

func downloads() []step {
	return []step{
		{name: "report", path: "/api/report.csv", keepHeader: map[string]string{"report-etag": "ETag", "report-date": "Last-Modified"}},
		{name: "report-range", path: "/api/report.csv", header: header{"Range": "bytes=100-299"}, want: 206},
		{name: "report-range-end", path: "/api/report.csv", header: header{"Range": "bytes=-64"}, want: 206},
		{name: "report-if-range", path: "/api/report.csv", header: header{"Range": "bytes=0-9", "If-Range": "{report-etag}"}, want: 206},
		{name: "report-if-none-match", path: "/api/report.csv", header: header{"If-None-Match": "{report-etag}"}, want: 304},
		{name: "report-if-modified-since", path: "/api/report.csv", header: header{"If-Modified-Since": "{report-date}"}, want: 304},
		{name: "report-head", method: "HEAD", path: "/api/report.csv"},
		{name: "export-chunked", path: "/api/export"}, // 1 MiB
		{name: "packed", path: "/api/packed", header: header{"Accept-Encoding": "gzip, deflate, br"}},
	}
}

func bodies() []step {
	search := func(name, body string) step { return jsonBody(name, "POST", "/api/search", body) }
	imported := func(name, contentType, body string) step {
		return step{name: name, method: "POST", path: "/api/import", want: 202,
			header: header{"Content-Type": contentType}, body: []byte(body)}
	}
	unsized := search("json-unsized", `{"text":"sent in chunks"}`)
	unsized.unsized = true
	packed := search("json-gzip", "")
	packed.header["Content-Encoding"] = "gzip"
	packed.body = gzipped(`{"text":"sent as gzip","price":"$5"}`)
	charset := search("json-charset", `{"text":"Grüße"}`)
	charset.header["Content-Type"] = "application/json; charset=utf-8"
	lookup := jsonBody("get-with-body", "GET", "/api/lookup?size=m", `{"skus":["DK-001","LP-001"]}`)
	return []step{
		search("json-dollar-values", `{"price":"$5","template":"{$x} ${y}","op":"$ne","list":["$in","$$"],"query":"{\"$gt\":1}"}`),
		search("json-code", `{"text":"db.users.find({ age: { $gt: 5 } }) // <b>bold</b> && 1=1; DROP TABLE '--"}`),
		search("json-dotted-keys", `{"home.title":"Start","files":{"report.pdf":3}}`),
		search("json-prototype-words", `{"text":"__proto__","of":"constructor","is":"prototype"}`),
		search("json-unicode", `{"text":"Grüße 🌍 日本語 \u00e9 \ud83c\udf89 a\tb\nc"}`),
		search("json-numbers", `{"int":42,"neg":-0.5,"exp":1.5e3,"big":9007199254740991,"zero":0,"not":null,"yes":true}`),
		search("json-dates", `{"from":"2024-05-01T10:00:00.000Z","to":"2024-05-31"}`),
		search("json-nested", `{"cart":{"lines":[{"sku":"DK-001","n":2,"options":{"colour":["oak","black"]}}],"note":""},"empty":{},"none":[]}`),
		search("json-array", `[{"sku":"DK-001"},{"sku":"LP-001"}]`),
		charset, unsized, packed, lookup,
		{name: "post-empty", method: "POST", path: "/api/heartbeat"},
		{name: "post-empty-json", method: "POST", path: "/api/heartbeat", header: header{"Content-Type": typeJSON}, body: []byte{}},
		{name: "form-repeated", method: "POST", path: "/api/search", header: header{"Content-Type": typeForm},
			body: []byte("tag=a&tag=b&where%5Bcity%5D=Graz&note=50%25+off+%24%24&date=2024-05-01")},
		imported("import-csv", "text/csv", "sku,price\nDK-001,$5\n\"O'Brien\",\"{$ne}\"\n"),
		imported("import-ndjson", "application/x-ndjson", "{\"sku\":\"DK-001\"}\n{\"sku\":\"LP-001\",\"price\":\"$5\"}\n"),
		imported("import-bytes", "application/octet-stream", "\x00\x01\x02 not text \xff\xfe{\"$\n"),
	}
}

func items() []step {
	want := func(status int, s step) step { s.want = status; return s }
	return []step{
		want(201, jsonBody("item-create", "POST", "/api/items", `{"id":"oak 1","name":"Oak Table","price":75.5}`)),
		want(409, jsonBody("item-conflict", "POST", "/api/items", `{"id":"oak 1","name":"Oak Table","price":75.5}`)),
		want(400, jsonBody("item-bad-price", "POST", "/api/items", `{"id":"oak 2","price":"75.5"}`)),
		{name: "item-read", path: "/api/items/oak%201"},
		jsonBody("item-replace", "PUT", "/api/items/oak%201", `{"name":"Oak Table, large","price":95,"tags":["new","$$"]}`),
		jsonBody("item-change", "PATCH", "/api/items/oak%201", `{"price":90}`),
		jsonBody("item-unicode-id", "PUT", "/api/items/caf%C3%A9-%E2%98%95", `{"name":"Café ☕","price":3}`),
		{name: "item-unicode-read", path: "/api/items/caf%C3%A9-%E2%98%95"},
		want(204, step{name: "item-delete", method: "DELETE", path: "/api/items/oak%201"}),
		want(404, step{name: "item-gone", path: "/api/items/oak%201"}),
	}
}

func crossOrigin() []step {
	post := jsonBody("cors-post", "POST", "/api/search", `{"text":"from the partner"}`)
	post.header["Origin"], post.header["Sec-Fetch-Site"] = front, "cross-site"
	return []step{
		{name: "cors-preflight", method: "OPTIONS", path: "/api/items/1", want: 204, header: header{
			"Origin": front, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,authorization"}},
		{name: "cors-preflight-post", method: "OPTIONS", path: "/api/search", want: 204, header: header{
			"Origin": front, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}},
		{name: "cors-get", path: "/api/search?q=x", header: header{"Origin": front, "Sec-Fetch-Site": "cross-site"}},
		post,
	}
}

func cookies() []step {
	return []step{
		{name: "cookies-set", method: "POST", path: "/api/preferences"},
		{name: "cookies-sent-back", path: "/api/preferences"},
	}
}

func streams() []step {
	return []step{
		{name: "events", path: "/api/events", header: header{"Accept": "text/event-stream"}, talk: firstEvents},
		{name: "websocket", path: "/ws", header: header{"Origin": "{origin}"}, want: 101, talk: echoes},
	}
}
