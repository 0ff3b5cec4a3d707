// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/panoply-security/panoply/clientip"
)

func Example() {
	resolver, err := clientip.New(clientip.Config{TrustedProxies: []string{"10.0.0.0/8"}})
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Forwarded-For", "198.51.100.99, 203.0.113.7") // the client wrote the first, our proxy the second

	r.RemoteAddr = "10.0.0.1:5000"
	fmt.Println(resolver.From(r))
	r.RemoteAddr = "192.0.2.1:5000" // not through our proxy
	fmt.Println(resolver.From(r))
	// Output:
	// 203.0.113.7
	// 192.0.2.1
}
