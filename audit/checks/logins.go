// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"regexp"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
)

// Mistake 2: what makes a route worth a limit.

// loginEnds are words that make a path a login's where it ends with them,
// loginParts those that do so anywhere in it.
var (
	loginEnds  = regexp.MustCompile(`(?i)(^|[/_-])(log-?in|sign-?in|authenticate|auth/local|session|sessions|token|otp|2fa|mfa|verify-?otp|reset-?password|password-?reset|forgot-?password|forgot|register|sign-?up)/?$`)
	loginParts = regexp.MustCompile(`[/_-](log-?in|sign-?in|authenticate|otp|2fa|mfa|(reset|forgot|forgotten|change|recover)-?password|password-?(reset|recovery|forgot)|sign-?up)([/_-]|$)`)
	aboutLogin = regexp.MustCompile(`(history|logs?|stats|statistics|attempts|settings|status|devices)$`)
	camel      = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

// loginPath says whether a path is one that people sign in at, sign up, or set a
// password.
func loginPath(path string) bool {
	if loginEnds.MatchString(path) {
		return true
	}
	path = strings.ToLower(camel.ReplaceAllString(path, "$1-$2"))
	return loginParts.MatchString(path) && !aboutLogin.MatchString(path)
}

// comparesPassword tells a method that compares a password by what it is called.
var comparesPassword = regexp.MustCompile(`(?i)^(is_?)?(compare|check|verify|valid|validate|match|matches|correct|same|test)_?(user|local|entered|candidate|hashed)?_?(passwords?|passwd|pwd|credentials)_?(match|matches|hash|correct|valid|async|sync)?$|^(is_?)?passwords?_?(match|matches|matched|correct|valid|verify|compare)$`)

// hashers are packages that hash passwords.
var hashers = []string{"bcrypt", "bcryptjs", "bcrypt-nodejs", "argon2", "@node-rs/argon2", "@node-rs/bcrypt", "scrypt-js", "pbkdf2-password"}

// mailers are packages that send mail or messages, with the method that does.
var mailers = map[string]string{"nodemailer": "sendMail", "@sendgrid/mail": "send sendMultiple", "mailgun-js": "send", "mailgun.js": "create",
	"postmark": "sendEmail sendEmailWithTemplate", "resend": "send", "email-templates": "send", "twilio": "create", "emailjs": "send sendAsync",
	"sendmail": "", "@aws-sdk/client-ses": "send sendEmail", "node-mailjet": "request"}

// writers are the functions of package fs, and of those that stand in for it, that
// write or move files.
var writers = []string{"writeFile", "writeFileSync", "appendFile", "appendFileSync", "createWriteStream", "rename", "renameSync", "copyFile", "copyFileSync",
	"outputFile", "outputFileSync", "writeJson", "writeJSON", "writeJsonSync", "move", "moveSync", "copy", "copySync"}

func isFS(mod string) bool {
	return mod == "fs" || mod == "fs/promises" || mod == "fs-extra" || mod == "graceful-fs"
}

// signsIn says why a call makes its route a login; empty for others.
func signsIn(e *model.Event) string {
	changes := e.Route.Method != "GET" && e.Route.Method != "HEAD"
	if e.Lib == nil {
		switch {
		case comparesPassword.MatchString(e.Name):
			return "compares a password"
		case e.Name == "authenticate" && isModel(e.Recv):
			return "compares a password"
		case (e.Name == "login" || e.Name == "logIn") && isRequest(e.Recv) && changes:
			return "signs in"
		}
		return ""
	}
	last := e.Lib.Path[strings.LastIndexByte(e.Lib.Path, '.')+1:]
	switch {
	case slices.Contains(hashers, e.Lib.Mod) && (strings.HasPrefix(last, "compare") || last == "verify"), comparesPassword.MatchString(last):
		return "compares a password"
	case e.Lib.Mod == "jsonwebtoken" && last == "sign" && changes:
		return "issues a token"
	case e.Lib.Mod == "jose" && last == "sign" && changes && chainHas(e.Lib.Of, "SignJWT"):
		return "issues a token"
	case e.Lib.Mod == "passport" && last == "authenticate":
		return passwordStrategy(arg(e.Args, 0))
	}
	return ""
}

func isModel(v model.Value) bool {
	_, ok := model.One[*model.Model](v)
	return ok
}

func isRequest(v model.Value) bool {
	_, ok := model.One[*model.Req](v)
	return ok
}

// eachRequest is why routes behind HTTP's own authentication are worth a limit. It
// is one cause for all of them.
const eachRequest = "takes a password with each request"

// passwordStrategy says what strategies of passport's do with a password; empty
// for those that take none.
func passwordStrategy(v model.Value) string {
	why := ""
	model.Each(v, func(v model.Value) {
		if o, ok := v.(*model.Obj); ok && o.Array {
			for _, el := range o.Elems {
				why = strongest(why, passwordStrategy(el))
			}
		}
		if s, ok := model.Constant(v); ok {
			s = strings.ToLower(s)
			for _, w := range []string{"local", "ldap", "login", "signin", "signup", "password", "credentials"} {
				if strings.Contains(s, w) {
					why = "compares a password"
				}
			}
			if strings.Contains(s, "basic") || strings.Contains(s, "digest") {
				why = strongest(why, eachRequest)
			}
		}
	})
	return why
}

// strongest is the reason that says most: any but that of each request.
func strongest(reasons ...string) string {
	why := ""
	for _, one := range reasons {
		if why == "" || why == eachRequest && one != "" {
			why = one
		}
	}
	return why
}

// signsInOnTheWay says why the middleware of a route makes it a login.
func signsInOnTheWay(rt *model.Route) string {
	why := ""
	for _, l := range rt.Chain[max(0, len(rt.Chain)-rt.Own):] {
		if c, ok := model.One[*model.Call](l.Handler); ok && c.Lib.Mod == "passport" && strings.HasSuffix(c.Lib.Path, "authenticate") {
			why = strongest(why, passwordStrategy(arg(c.Args, 0)))
		}
	}
	return why
}

// costs says what a call does that costs much, and whether a GET that does it is
// worth a limit too.
func costs(e *model.Event) (what string, get bool) {
	if e.Lib == nil {
		return "", false
	}
	last := e.Lib.Path[strings.LastIndexByte(e.Lib.Path, '.')+1:]
	switch {
	case slices.Contains(hashers, e.Lib.Mod) && strings.HasPrefix(last, "hash"):
		return "hashes a password", false
	case e.Lib.Mod == "crypto" && (strings.HasPrefix(last, "scrypt") || strings.HasPrefix(last, "pbkdf2")):
		return "hashes a password", false
	case e.Lib.Mod == "child_process" && last != "fork":
		return "starts a process", true
	case strings.HasPrefix(e.Lib.Mod, "puppeteer") && last == "launch" || strings.HasPrefix(e.Lib.Mod, "playwright") && last == "launch":
		return "starts a browser", true
	case isFS(e.Lib.Mod) && slices.Contains(writers, last):
		return "writes files", false
	case e.Lib.Mod == "formidable" && last == "parse", e.Lib.Mod == "busboy", e.Lib.Mod == "multiparty" && last == "parse":
		return "takes files", false
	}
	if methods, ok := mailers[e.Lib.Mod]; ok && (methods == "" && e.Lib.Path == "" || slices.Contains(strings.Fields(methods), last)) {
		return "sends mail", false
	}
	return "", false
}

// takesFiles says whether a route's own middleware takes files.
func takesFiles(rt *model.Route) bool {
	for _, l := range rt.Chain[max(0, len(rt.Chain)-rt.Own):] {
		if c, ok := model.One[*model.Call](l.Handler); ok && (c.Lib.Mod == "multer" && c.Lib.Of != nil && !strings.HasSuffix(c.Lib.Path, "none") || c.Lib.Mod == "express-fileupload") {
			return true
		}
	}
	return false
}
