// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"crypto/tls"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/panoply-security/panoply/internal/fault"
)

const maxNodes = 64

// parseURL reads a URL. No fault repeats it: it may hold a password.
func parseURL(s string, faults *fault.List) (o rueidis.ClientOption) {
	bad := func(message, hint string) { faults.Add("store", message, hint) }
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Host == "" || u.Fragment != "" {
		bad("not the URL of a server", "redis://host:6379, or rediss:// for TLS")
		return o
	}
	if _, has := u.User.Password(); has {
		bad("a password does not belong in a policy", "name the environment variable that has it in store_password_env")
	}
	o.Username = u.User.Username()
	if db := strings.Trim(u.Path, "/"); db != "" {
		n, err := strconv.Atoi(db)
		if err != nil || n < 0 || n > 1<<16 {
			bad("the path is not the number of a database", "redis://host:6379/0")
		}
		o.SelectDB = n
	}
	nodes := []string{u.Host}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		bad("a query that cannot be read", "?addr=host:port or ?master_name=name")
	}
	for name, values := range query {
		switch {
		case name == "addr":
			nodes = append(nodes, values...)
		case name == "master_name" && len(values) == 1 && values[0] != "":
			o.Sentinel.MasterSet = values[0]
		default:
			bad("a query of something else than addr and one master_name", "?addr=host:port&addr=host:port&master_name=name")
		}
	}
	if len(nodes) > maxNodes {
		bad("more than 64 nodes", "some of a cluster's nodes are enough to find the others")
		return o
	}
	port := "6379"
	if o.Sentinel.MasterSet != "" {
		port = "26379"
	}
	for _, node := range nodes {
		addr, ok := address(node, port)
		if !ok {
			bad("a node that is not host:port", "redis://host:6379?addr=other:6379")
			continue
		}
		o.InitAddress = append(o.InitAddress, addr)
	}
	if len(nodes) > 1 && o.Sentinel.MasterSet == "" && o.SelectDB != 0 {
		bad("a cluster has only database 0", "leave the path out")
	}
	if u.Scheme == "rediss" {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return o
}

// address adds the usual port to a host without one.
func address(node, usual string) (string, bool) {
	host, port, err := net.SplitHostPort(node)
	if err != nil {
		host, port, err = net.SplitHostPort(node + ":" + usual)
	}
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil || n == 0 || host == "" || strings.ContainsAny(host, "@/ ") {
		return "", false
	}
	return net.JoinHostPort(host, port), true
}
