// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/panoply-security/panoply/rule"

// claims says which of our rules a peer's rule may be meant to find; where in
// doubt, more of them. A rule that is not here is about something other than the
// seven mistakes, and its findings are neither right nor wrong here.
type claims map[string][]rule.ID

var eslintClaims = claims{
	"security/detect-object-injection":               {"validate/prototype-key", "validate/mass-assignment"},
	"security/detect-non-literal-fs-filename":        {"upload/name"},
	"security/detect-possible-timing-attacks":        {"nosql/plain-password"},
	"security/detect-eval-with-expression":           {"nosql/code"},
	"security/detect-non-literal-require":            nil,
	"security/detect-non-literal-regexp":             nil,
	"security/detect-unsafe-regex":                   nil,
	"security/detect-child-process":                  nil,
	"security/detect-pseudoRandomBytes":              nil,
	"security/detect-bidi-characters":                nil,
	"security/detect-invisible-characters":           nil,
	"security/detect-new-buffer":                     nil,
	"security/detect-buffer-noassert":                nil,
	"security/detect-disable-mustache-escape":        nil,
	"security/detect-no-csrf-before-method-override": nil,
}

var njsscanClaims = claims{
	"express_cors":                {"headers/cors-any-origin"},
	"generic_cors":                {"headers/cors-any-origin"},
	"helmet_feature_disabled":     {"headers/none", "headers/csp-missing", "headers/framing", "headers/hsts", "headers/referrer", "headers/powered-by"},
	"header_xss_generic":          {"headers/none"},
	"header_xss_lusca":            {"headers/none"},
	"generic_error_disclosure":    {"errors/leak"},
	"node_error_disclosure":       {"errors/leak"},
	"cookie_session_no_httponly":  {"session/cookie-httponly"},
	"cookie_session_no_secure":    {"session/cookie-secure"},
	"cookie_session_no_samesite":  {"session/cookie-secure"}, // which covers SameSite
	"cookie_session_no_maxage":    {"session/cookie-lifetime"},
	"hardcoded_jwt_secret":        {"token/weak-secret"},
	"jwt_express_hardcoded":       {"token/weak-secret"},
	"hardcoded_passport_secret":   {"token/weak-secret", "session/weak-secret"},
	"node_secret":                 {"token/weak-secret", "session/weak-secret"},
	"node_jwt_none_algorithm":     {"token/alg-none"},
	"generic_path_traversal":      {"upload/name"},
	"join_resolve_path_traversal": {"upload/name"},
	"node_nosqli_injection":       {"nosql/operator"},
	"node_nosqli_js_injection":    {"nosql/code"},
	"node_timing_attack":          {"nosql/plain-password"},
	"node_logic_bypass":           {"nosql/plain-password"},
}

// controlClaims are njsscan's notices of what an app lacks as a whole.
var controlClaims = claims{
	"rate_limit_control":              {"ratelimit/none"},
	"helmet_header_check_csp":         {"headers/none", "headers/csp-missing", "headers/csp-weak"},
	"helmet_header_hsts":              {"headers/none", "headers/hsts"},
	"helmet_header_frame_guard":       {"headers/none", "headers/framing"},
	"helmet_header_referrer_policy":   {"headers/none", "headers/referrer"},
	"helmet_header_x_powered_by":      {"headers/none", "headers/powered-by"},
	"helmet_header_nosniff":           {"headers/none"},
	"helmet_header_xss_filter":        {"headers/none"},
	"helmet_header_ienoopen":          {"headers/none"},
	"helmet_header_dns_prefetch":      {"headers/none"},
	"helmet_header_feature_policy":    {"headers/none"},
	"helmet_header_check_expect_ct":   {"headers/none"},
	"helmet_header_check_crossdomain": {"headers/none"},
}

// semgrepClaims go by the last part of a rule's id.
var semgrepClaims = claims{
	"cors-misconfiguration":               {"headers/cors-any-origin"},
	"x-frame-options-misconfiguration":    {"headers/framing"},
	"remote-property-injection":           {"validate/prototype-key", "validate/mass-assignment"},
	"express-data-exfiltration":           {"validate/mass-assignment"},
	"insecure-object-assign":              {"validate/mass-assignment"},
	"prototype-pollution-assignment":      {"validate/prototype-key"},
	"prototype-pollution-function":        {"validate/prototype-key"},
	"prototype-pollution-loop":            {"validate/prototype-key"},
	"detect-bracket-object-injection":     {"validate/prototype-key", "validate/mass-assignment"},
	"express-cookie-session-no-httponly":  {"session/cookie-httponly"},
	"express-cookie-session-no-secure":    {"session/cookie-secure"},
	"express-cookie-session-no-expires":   {"session/cookie-lifetime"},
	"express-session-hardcoded-secret":    {"session/weak-secret"},
	"express-jwt-hardcoded-secret":        {"token/weak-secret"},
	"hardcoded-jwt-secret":                {"token/weak-secret"},
	"jwt-none-alg":                        {"token/alg-none"},
	"jwt-decode-without-verify":           {"token/unverified"},
	"express-path-join-resolve-traversal": {"upload/name"},
	"path-join-resolve-traversal":         {"upload/name"},
	"detect-non-literal-fs-filename":      {"upload/name"},
}
