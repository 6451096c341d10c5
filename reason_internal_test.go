package quill

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDurationsInReasonsAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                         "0s",
		1500 * time.Nanosecond:    "1.5µs",
		1_234_567:                 "1ms",
		999_600 * time.Nanosecond: "999.6µs",
		1234 * time.Millisecond:   "1.2s",
		5 * time.Second:           "5s",
		12_600 * time.Millisecond: "13s",
		90 * time.Second:          "1m30s",
	} {
		require.Equal(t, want, short(d))
	}
}

func TestForeignTextsInReasonsAreCutToOneLine(t *testing.T) {
	require.Equal(t, `two\nlines`, oneLine("two\nlines"))
	require.Equal(t, `Get "http://a\b": \x00 \xff é`, oneLine("Get \"http://a\\b\": \x00 \xff é"))
	require.Equal(t, strings.Repeat("x", 200), oneLine(strings.Repeat("x", 200)))
	require.Equal(t, strings.Repeat("x", 200)+"…", oneLine(strings.Repeat("x", 201)))
}

func TestReasonsOfAProbe(t *testing.T) {
	c := &Circuit{}
	require.Equal(t, "timed out", c.probeDetail(Timeout, true, ErrTimeout))
	require.Equal(t, "succeeded, but was slow", c.probeDetail(Success, true, nil))
	require.Equal(t, `failed: "boom"`, c.probeDetail(Failure, true, errors.New("boom")))
	require.Equal(t, "failed", c.probeDetail(Failure, false, nil))
}

func TestNoChangeHasNoReason(t *testing.T) {
	require.Empty(t, reasonFor(change{}, nil, nil, nil, ""))
}
