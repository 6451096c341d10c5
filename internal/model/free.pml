/* Callers that do what they will, a dependency that is ill and then well for good, calls that
 * never return, and time.
 *
 * What must hold is judged from outside. An onlooker sees who is let through, what state the
 * circuit shows, how calls end and how time passes, and keeps books of its own, the ghosts
 * below: which results count is never asked of the machine's stale, probing, holder and
 * leaseLeft, which may be wrong.
 *
 * Safety, as assertions in every state that can be reached:
 *   - a closed circuit lets everyone through; an open one nobody inside its sleep window and a
 *     probe after it; a half-open one a probe if, and only if, none with a valid lease is out;
 *   - at most one probe with a valid lease is out;
 *   - a result of an earlier era, or of a probe whose lease is over, changes nothing;
 *   - other results of probes do what they must: success closes, failure opens, ENOUGH ignored
 *     ones close, a cancelled one moves nothing; the circuit opens exactly when VOLUME results
 *     of this era are in, and all of them failures.
 * Recovery, from every state in which the dependency may become well, some callers stuck for
 * ever. Bounds, as assertions too; from then on
 *   - callers are held up for SLEEP ticks of sleep windows in all, one sleep window, and for
 *     LEASE + LEASE-1 ticks by probes: one of before may keep its place until its lease is
 *     over, and one of now answers before that;
 *   - at most one probe goes out, and it closes the circuit;
 *   - the circuit opens at most once, by a call of before.
 * And that callers who can go on do bring it about, is a liveness property: the circuit closes
 * and stays closed.
 *
 * A dependency that is well answers well, before a lease is over; nobody cancels its calls. */
#include "machine.pml"

bool healthy = false;
byte stuck = 0;           /* calls that never return: one caller at least is none of them */

/* The ghosts. An era begins whenever the circuit shows another state. Eras have no number, as
 * numbers would have no end: that a call is old is all that comparing its number with today's
 * could find out. */
bool old[CALLERS];        /* the circuit has changed its state since the call was let through */
bool probe[CALLERS];      /* the call was let through half-open */
byte due[CALLERS];        /* ticks until its lease is over */
bool sound[CALLERS];      /* it was let through when the dependency was well */
byte results = 0;         /* of this era, up to VOLUME, as far as they count as evidence */
bool allBad = true;       /* all of them failures */
byte forgiven = 0;        /* probes of this era that were ignored, in a row */
byte rest = 0;            /* ticks until the sleep window is over */
byte slept = 0;           /* ticks of sleep windows, since the dependency is well */
byte kept = 0;            /* ticks of probes whose lease is valid, since then */
bool opened = false;      /* since then the circuit has opened */
bool tried = false;       /* since then a probe went out */

/* Only used within a step: how things were before it, and how the call ends. */
hidden byte k, out, wait, requestsWere, errorsWere, holderWas, leaseWas, ignoredWere, sleepWas;
hidden mtype was, how;

inline countProbes() {
  out = 0;
  for (k : 0 .. CALLERS-1) { if :: admitted[k] && due[k] > 0 -> out++ :: else -> skip fi }
}

/* The call of me came or ended: a new era, if the state is another one. */
inline look() {
  if
  :: state != was ->
     results = 0; allBad = true; forgiven = 0;
     for (k : 0 .. CALLERS-1) { old[k] = admitted[k] && k != me };
     if
     :: state == open ->
        rest = SLEEP;
        assert(!(healthy && opened));
        opened = healthy
     :: else -> rest = 0
     fi
  :: else -> skip
  fi
}

inline remember() {
  was = state; requestsWere = requests; errorsWere = allErrors; holderWas = holder;
  leaseWas = leaseLeft; ignoredWere = ignoredInRow; sleepWas = sleepLeft
}

/* A call of this era has ended that was no probe, or a probe in time. */
inline counted() {
  assert(was == (probe[me] -> halfopen : closed));
  if
  :: probe[me] && how == success -> assert(state == closed)
  :: probe[me] && how == failure -> assert(state == open)
  :: probe[me] && how == neutral -> assert(state == was)
  :: probe[me] && how == ignoring ->
     forgiven++;
     assert(state == (forgiven >= ENOUGH -> closed : halfopen))
  :: !probe[me] && (how == success || how == failure) ->
     if :: results < VOLUME -> results++ :: else -> skip fi;
     allBad = allBad && how == failure;
     assert(state == (results >= VOLUME && allBad -> open : closed))
  :: !probe[me] && (how == neutral || how == ignoring) -> nothingMoved()
  fi
}

/* Nothing has changed. The place of a probe whose lease is over was free before it ended. */
inline nothingMoved() {
  assert(state == was && requests == requestsWere && allErrors == errorsWere);
  assert(leaseLeft == leaseWas && ignoredInRow == ignoredWere && sleepLeft == sleepWas);
  assert(holder == holderWas || (holderWas == me && leaseWas == 0))
}

active [CALLERS] proctype caller() {
  byte me = _pid;
  do
  :: d_step {
       was = state;
       countProbes();
       admit(me);
       assert(admitted[me] ==
         (was == closed || (was == open && rest == 0) || (was == halfopen && out == 0)));
       assert(state == (was == open && rest == 0 -> halfopen : was));
       look();
       if
       :: admitted[me] ->
          sound[me] = healthy;
          probe[me] = state != closed;
          if :: probe[me] -> due[me] = LEASE :: else -> skip fi;
          if :: probe[me] && healthy -> assert(!tried); tried = true :: else -> skip fi
       :: else -> skip
       fi;
       countProbes();
       assert(out <= 1)
     };
     if
     :: !admitted[me] -> skip
     :: else ->
        if
        :: skip                            /* it runs, for as long as it pleases */
        :: atomic { !healthy && stuck < CALLERS-1 -> stuck++ };
           endstuck: false
        fi;
        atomic {
          if
          :: how = success
          :: !sound[me] || old[me] -> how = failure
          :: !sound[me] || old[me] -> how = neutral
          :: !sound[me] || old[me] -> how = ignoring
          fi;
          d_step {
            remember();
            settle(me, how);
            if
            :: old[me] || (probe[me] && due[me] == 0) -> nothingMoved()
            :: else -> counted()
            fi;
            assert(!(probe[me] && sound[me]) || state == closed);
            look();
            old[me] = false; probe[me] = false; due[me] = 0; sound[me] = false
          }
        }
     fi
  od
}

active proctype clock() {
  do
  :: d_step {
       wait = 0;                           /* for the answer to a probe of now */
       for (k : 0 .. CALLERS-1) { if :: sound[k] && due[k] == 1 -> wait++ :: else -> skip fi };
       if
       :: wait > 0 -> skip
       :: else ->
          countProbes();
          if
          :: healthy && rest > 0 -> slept++; assert(slept <= SLEEP)
          :: healthy && out > 0 -> kept++; assert(kept <= LEASE + LEASE-1)
          :: else -> skip
          fi;
          if :: rest > 0 -> rest-- :: else -> skip fi;
          for (k : 0 .. CALLERS-1) { if :: due[k] > 0 -> due[k]-- :: else -> skip fi };
          tick()
       fi
     }
  od
}

active proctype recovery() { healthy = true }

ltl recovers { [] (([] healthy) -> <> [] (state == closed)) }
