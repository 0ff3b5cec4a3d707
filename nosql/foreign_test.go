// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package nosql_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/nosql"
)

// operators are those of MongoDB 8 in filters, updates and pipelines, its legacy
// query modifiers, and the parts of references and of code in Extended JSON.
var operators = strings.Fields(`
	$eq $gt $gte $in $lt $lte $ne $nin $and $not $nor $or $exists $type $expr $jsonSchema $mod $regex $options $text $where
	$geoIntersects $geoWithin $near $nearSphere $geometry $box $center $centerSphere $maxDistance $minDistance $polygon $uniqueDocs
	$all $elemMatch $size $bitsAllClear $bitsAllSet $bitsAnyClear $bitsAnySet $slice $comment $rand $natural $meta $sampleRate
	$currentDate $inc $min $max $mul $rename $set $setOnInsert $unset $addToSet $pop $pull $push $pullAll $each $position $sort $bit
	$addFields $bucket $bucketAuto $changeStream $collStats $count $densify $documents $facet $fill $geoNear $graphLookup $group
	$indexStats $limit $listSessions $lookup $match $merge $out $planCacheStats $project $redact $replaceRoot $replaceWith $sample
	$search $searchMeta $setWindowFields $skip $sortByCount $unionWith $unwind $vectorSearch $currentOp $listLocalSessions $rankFusion
	$abs $accumulator $function $filter $map $reduce $let $cond $ifNull $switch $literal $getField $setField $mergeObjects $toString
	$query $orderby $explain $hint $maxScan $maxTimeMS $returnKey $showDiskLoc $snapshot $language $caseSensitive $diacriticSensitive
	$id $db $code $scope $symbol $dbPointer $regularExpression $minKey $maxKey $undefined $tsIncrement $tsSecond $date_`)

// judgeJSON is what becomes of a JSON body.
func judgeJSON(t *testing.T, body string) string {
	t.Helper()
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return judge(t, nosql.Config{}, r, body)
}

func TestForeignNamesAreNoOperators(t *testing.T) {
	for _, name := range operators {
		if slices.Contains(nosql.Foreign(), name) {
			t.Errorf("%s passes everywhere, and MongoDB knows it", name)
		}
		if got := judgeJSON(t, `{"a":{"`+name+`":"x"}}`); got != "nosql/operator /a/"+name {
			t.Errorf("%s in a body: got %q", name, got)
		}
		want := "nosql/operator #query/" + name
		if slices.Contains(nosql.OData(), name) {
			want = ""
		}
		if got := judge(t, nosql.Config{}, httptest.NewRequest("GET", "/?"+name+"=x", nil), ""); got != want {
			t.Errorf("%s in a query: got %q; want %q", name, got, want)
		}
		if got := judge(t, nosql.Config{}, httptest.NewRequest("GET", "/?a["+name+"]=x", nil), ""); got != "nosql/operator #query/a/"+name {
			t.Errorf("%s deeper in a query: got %q", name, got)
		}
	}
	for _, name := range nosql.Foreign() {
		for _, body := range []string{`{"` + name + `":"x"}`, `{"a":[{"` + name + `":{"b":1}}]}`} {
			if got := judgeJSON(t, body); got != "" {
				t.Errorf("%s: got %q", body, got)
			}
		}
		if got := judgeJSON(t, `{"`+name+`":{"$ne":1}}`); got != "nosql/operator /"+name+"/$ne" {
			t.Errorf("an operator below %s: got %q", name, got)
		}
	}
}

func TestODataIsTextAtTheTopOfAQuery(t *testing.T) {
	for query, want := range map[string]string{
		"$filter=price gt 5&$top=10&$orderby=name desc&$select=a,b&$expand=c&$count=true&$skip=2&$search=x&$format=json": "",
		"%24filter=a":            "",
		"$filter[$ne]=a":         "nosql/operator #query/$filter",
		"$filter[]=a":            "nosql/operator #query/$filter",
		"$filter=a&$filter=b":    "nosql/operator #query/$filter",
		"$filter.x=a":            "nosql/operator #query/$filter",
		"[$filter]=a":            "",
		"a[$filter]=b":           "nosql/operator #query/a/$filter",
		"a.$filter=b":            "nosql/operator #query/$filter",
		"$FILTER=a":              "nosql/operator #query/$FILTER",
		"$where=price gt 5":      "nosql/operator #query/$where",
		"$filter=a&$where=1":     "nosql/operator #query/$where",
		"$everything":            "nosql/operator #query/$everything",
		"$top=10&a[$top][b]=1":   "nosql/operator #query/a/$top",
		"x=1&$skip[__proto__]=1": "nosql/operator #query/$skip",
	} {
		r := httptest.NewRequest("GET", "/?"+strings.ReplaceAll(query, " ", "%20"), nil)
		got := judge(t, nosql.Config{}, r, "")
		if (got == "") != (want == "") || !strings.HasPrefix(got, strings.TrimSuffix(want, "/$filter")) {
			t.Errorf("%s: got %q; want %q", query, got, want)
		}
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader("$filter=a"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := judge(t, nosql.Config{}, r, "$filter=a"); got != "nosql/operator /$filter" {
		t.Errorf("in a form: got %q", got)
	}
}
