package quillstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// add returns the sum of messages as JSON.
func add(t testing.TB, all ...string) string {
	t.Helper()
	var sum *total
	for _, data := range all {
		p, err := parse([]byte(data))
		require.NoError(t, err, data)
		if sum == nil {
			sum = newTotal(p.subject)
		}
		require.Equal(t, sum.subject, p.subject)
		sum.add(p)
	}
	var b bytes.Buffer
	sum.appendJSON(&b)
	require.True(t, json.Valid(b.Bytes()), b.String())
	return b.String()
}

// value returns what the sum has for a field: "absent" if nothing.
func value(t testing.TB, sum, field string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(sum), &fields))
	if raw, ok := fields[field]; ok {
		return string(raw)
	}
	return "absent"
}

func TestTheRulesBySum(t *testing.T) {
	const window = "propertyValue_metricsRollingStatisticalWindowInMilliseconds"
	const absent = ""
	for _, c := range []struct {
		typ, field string
		values     []string // of each host; "" if it has none
		want       string
	}{
		{"HystrixCommand", "errorPercentage", []string{"10", "50", "0"}, "60"}, // the dashboard divides
		{"HystrixCommand", "requestCount", []string{"1", "2", "3"}, "6"},
		{"HystrixCommand", "requestCount", []string{"1", absent, "3"}, "4"},
		{"HystrixCommand", "requestCount", []string{`"1"`, `"2.5"`, "-1"}, "2.5"},
		{"HystrixCommand", "rollingCountBadRequests", []string{absent, absent}, "0"},
		{"HystrixCommand", "latencyExecute_mean", []string{"10", "20"}, "30"},
		{"HystrixCommand", "latencyExecute", []string{`{"50":1,"99.5":2,"100":3}`, `{"0":1,"50":10}`}, `{"0":1,"50":11,"99.5":2,"100":3}`},
		{"HystrixCommand", "latencyExecute", []string{absent}, `{}`},
		{"HystrixCommand", "currentTime", []string{"1700000000000", "1700000000500", "1"}, "1700000000500"},
		{"HystrixCommand", "isCircuitBreakerOpen", []string{"false", "false"}, "false"},
		{"HystrixCommand", "isCircuitBreakerOpen", []string{"true"}, "true"},
		{"HystrixCommand", "isCircuitBreakerOpen", []string{"true", "true", "true"}, "3"},
		{"HystrixCommand", "isCircuitBreakerOpen", []string{"true", "false", "false"}, `{"true":1,"false":2}`},
		{"HystrixCommand", "isCircuitBreakerOpen", []string{`"true"`, "0"}, `{"true":1,"false":1}`},
		{"HystrixCommand", "propertyValue_circuitBreakerRequestVolumeThreshold", []string{"20", "20"}, "20"},
		{"HystrixCommand", "propertyValue_circuitBreakerRequestVolumeThreshold", []string{"20", `"20"`, "20.0"}, "20"},
		{"HystrixCommand", "propertyValue_circuitBreakerRequestVolumeThreshold", []string{"20", "5", "20"}, `{"5":1,"20":2}`},
		{"HystrixCommand", "propertyValue_circuitBreakerEnabled", []string{"true", "false"}, `{"false":1,"true":1}`},
		{"HystrixCommand", "propertyValue_circuitBreakerForceOpen", []string{"true", "true"}, "true"},
		{"HystrixCommand", "propertyValue_circuitBreakerForceOpen", []string{"true", "false"}, "false"},
		{"HystrixCommand", "propertyValue_executionIsolationStrategy", []string{`"THREAD"`, `"SEMAPHORE"`, `"SEMAPHORE"`}, `"SEMAPHORE"`},
		{"HystrixCommand", "propertyValue_executionIsolationThreadPoolKeyOverride", []string{"null", "null"}, "null"},
		{"HystrixCommand", "propertyValue_executionIsolationThreadPoolKeyOverride", []string{"null", `"db"`}, `{"null":1,"db":1}`},
		{"HystrixCommand", "propertyValue_executionIsolationThreadPoolKeyOverride", []string{absent}, "absent"},
		{"HystrixCommand", "group", []string{`"a<b>"`, `"a<b>"`}, `"a\u003cb\u003e"`},
		{"HystrixCommand", "group", []string{`"7"`, `"7"`}, `"7"`},
		{"HystrixCommand", window, []string{"10000", "10000", "10000"}, "10000"}, // not divided for commands ...
		{"HystrixCommand", window, []string{"10000", "60000", "10000"}, "10000"},
		{"HystrixThreadPool", window, []string{"10000", "10000", "10000"}, "30000"}, // ... and divided for pools
		{"HystrixThreadPool", "propertyValue_queueSizeRejectionThreshold", []string{"5", "5"}, "10"},
		{"HystrixThreadPool", "currentActiveCount", []string{"3", "4"}, "7"},
		{"HystrixCollapser", "rollingCountBatches", []string{"3", "4"}, "7"},
		{"HystrixCollapser", "batchSize", []string{`{"25":1}`, `{"25":1,"100":9}`}, `{"25":2,"100":9}`},
	} {
		t.Run(c.field+" "+strings.Join(c.values, " "), func(t *testing.T) {
			var all []string
			for _, v := range c.values {
				if v != absent {
					v = fmt.Sprintf(`,%q:%s`, c.field, v)
				}
				all = append(all, fmt.Sprintf(`{"type":%q,"name":"n"%s}`, c.typ, v))
			}
			sum := add(t, all...)
			require.Equal(t, c.want, value(t, sum, c.field))
			require.Equal(t, fmt.Sprint(len(all)), value(t, sum, "reportingHosts"))
			require.Equal(t, `"n"`, value(t, sum, "name"))

			// A sum may be read by another aggregator: parts and whole come to the same.
			require.Equal(t, sum, add(t, sum))
			if len(all) > 2 {
				require.Equal(t, sum, add(t, add(t, all[:2]...), add(t, all[2:]...)))
			}
		})
	}
}

// Whatever is not right about a message keeps all of it out.
func TestMessagesThatAreNotRightAreRefusedWhole(t *testing.T) {
	for message, want := range map[string]string{
		``:                                    "no JSON object",
		`null`:                                "type: must be a text",
		`[1]`:                                 "no JSON object",
		`{"type":"HystrixCommand"}`:           "name: must be a text",
		`{"type":7,"name":"n"}`:               "type: must be a text",
		`{"type":"HystrixConfig"}`:            "a message of another type",
		`{"type":"HystrixCommand","name":""}`: "name: must be a text",
		`{"type":"HystrixCommand","name":"` + strings.Repeat("n", 1001) + `"}`:                           "name: must be a text",
		`{"type":"HystrixCommand","name":"n","reportingHosts":0}`:                                        "reportingHosts: must be a whole number",
		`{"type":"HystrixCommand","name":"n","reportingHosts":1.5}`:                                      "reportingHosts: must be a whole number",
		`{"type":"HystrixCommand","name":"n","reportingHosts":9999999}`:                                  "reportingHosts: must be a whole number",
		`{"type":"HystrixCommand","name":"n","requestCount":"many"}`:                                     "requestCount: must be a number",
		`{"type":"HystrixCommand","name":"n","requestCount":null}`:                                       "requestCount: must be a number",
		`{"type":"HystrixCommand","name":"n","requestCount":1e300}`:                                      "requestCount: must be a number of at most 2^53",
		`{"type":"HystrixCommand","name":"n","requestCount":"NaN"}`:                                      "requestCount: must be a number",
		`{"type":"HystrixCommand","name":"n","latencyExecute":{"50":"slow"}}`:                            "latencyExecute: must be a number",
		`{"type":"HystrixCommand","name":"n","latencyExecute":7}`:                                        "latencyExecute: must be an object",
		`{"type":"HystrixCommand","name":"n","latencyExecute":{` + manyKeys(101) + `}}`:                  "latencyExecute: must be an object of at most 100",
		`{"type":"HystrixCommand","name":"n","isCircuitBreakerOpen":"maybe"}`:                            "isCircuitBreakerOpen: must be true, false",
		`{"type":"HystrixCommand","name":"n","isCircuitBreakerOpen":2}`:                                  "isCircuitBreakerOpen: must be true, false",
		`{"type":"HystrixCommand","name":"n","isCircuitBreakerOpen":{"true":-1}}`:                        "isCircuitBreakerOpen: must be true, false",
		`{"type":"HystrixCommand","name":"n","propertyValue_requestLogEnabled":1}`:                       "propertyValue_requestLogEnabled: must be true or false",
		`{"type":"HystrixCommand","name":"n","propertyValue_requestLogEnabled":{"true":2}}`:              "propertyValue_requestLogEnabled: must say of each value",
		`{"type":"HystrixCommand","name":"n","propertyValue_executionIsolationStrategy":7}`:              "propertyValue_executionIsolationStrategy: must be a text",
		`{"type":"HystrixCommand","name":"n","propertyValue_executionTimeoutInMilliseconds":{"soon":1}}`: "propertyValue_executionTimeoutInMilliseconds: must say of each value",
	} {
		_, err := parse([]byte(message))
		require.ErrorContains(t, err, want, message)
	}
}

func manyKeys(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"%d":1`, i))
	}
	return strings.Join(all, ",")
}

// What our own stream sends is what the table of fields has, so that nothing of it is lost
// in a sum.
func TestTheTableHasEveryFieldThatTheStreamSends(t *testing.T) {
	for _, m := range []struct {
		message any
		fields  []field
	}{{command{}, commandFields}, {pool{}, poolFields}} {
		data, err := json.Marshal(m.message)
		require.NoError(t, err)
		d := json.NewDecoder(bytes.NewReader(data))
		_, err = d.Token()
		require.NoError(t, err)
		var sent []string
		for d.More() {
			key, err := d.Token()
			require.NoError(t, err)
			var v json.RawMessage
			require.NoError(t, d.Decode(&v))
			sent = append(sent, key.(string))
		}
		known := []string{"type", "name"}
		for _, f := range m.fields {
			known = append(known, f.name)
			if f.name == "propertyValue_requestLogEnabled" {
				known = append(known, "reportingHosts")
			}
		}
		if len(m.fields) == len(poolFields) {
			known = append(known, "reportingHosts")
		}
		require.Equal(t, sent, known)
	}
}

// FuzzParse holds that no message, whatever it says, breaks the sum: it is refused, or the
// sum is valid JSON that another aggregator reads as the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"HystrixCommand","name":"n","reportingHosts":2,"isCircuitBreakerOpen":{"true":1},"latencyExecute":{"50":1}}`))
	f.Add([]byte(`{"type":"HystrixThreadPool","name":"n","propertyValue_queueSizeRejectionThreshold":"5"}`))
	f.Add([]byte(`{"type":"HystrixCollapser","name":"n","batchSize":{"x":1,"1":-0}}`))
	f.Add([]byte(`{"type":"HystrixCommand","name":"\u2028","group":null,"propertyValue_circuitBreakerEnabled":{"true":1,"false":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parse(data)
		if err != nil {
			require.Nil(t, p)
			return
		}
		once, thrice := newTotal(p.subject), newTotal(p.subject)
		once.add(p)
		for range 3 {
			thrice.add(p)
		}
		for _, sum := range []*total{once, thrice} {
			var b bytes.Buffer
			sum.appendJSON(&b)
			require.True(t, json.Valid(b.Bytes()), b.String())
			again, err := parse(b.Bytes())
			if err != nil {
				require.Regexp(t, `2\^53|whole number of 1|at most 100 numbers`, err.Error(), "only what has grown too large is refused")
				continue
			}
			require.Equal(t, p.subject, again.subject)
			require.Equal(t, sum.hosts, again.hosts)
			twice := newTotal(again.subject)
			twice.add(again)
			var c bytes.Buffer
			twice.appendJSON(&c)
			require.Equal(t, b.String(), c.String())
		}
	})
}

// pageRows are the rows of a table: fields, what they are, rule.
var pageRows = regexp.MustCompile("(?m)^\\| (`[^|]+`) \\| ([^|]+) \\| ([^|]+) \\|$")

var ruleNames = map[rule]string{
	sum: "sum", spread: "each", newest: "last", open: "open", common: "common", most: "most", every: "every",
}

func TestThePageHasEveryFieldWithItsRule(t *testing.T) {
	page, err := os.ReadFile("../docs/stream.md")
	require.NoError(t, err)
	for _, m := range messageTypes {
		_, section, ok := strings.Cut(string(page), "\n## "+m.name+"\n")
		require.True(t, ok, m.name)
		section, _, _ = strings.Cut(section, "\n## ")
		told := map[string]string{}
		for _, row := range pageRows.FindAllStringSubmatch(section, -1) {
			for name := range strings.SplitSeq(row[1], ", ") {
				require.NotContains(t, told, name)
				told[strings.Trim(name, "`")] = row[3]
			}
		}
		want := map[string]string{"type": "–", "name": "–", "reportingHosts": "the number of hosts"}
		for _, f := range m.fields {
			want[f.name] = ruleNames[f.rule]
		}
		require.Equal(t, want, told)
	}
}
