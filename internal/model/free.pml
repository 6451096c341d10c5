/* Callers that do what they will, a dependency that is ill and then well for good, and time.
 *
 * Safety: nobody passes an open circuit inside its sleep window; at most one probe with a
 * valid lease is out; a result of an earlier epoch changes nothing.
 * Liveness: whatever has happened, once the dependency is well the circuit closes: it holds
 * callers up for no more than one sleep window, no call of from then on opens it again, and
 * the first probe that goes out closes it. (A call of before may still fail and open it; the
 * sleep window is then counted from there.) */
#include "machine.pml"

bool healthy = false;
bool sound[CALLERS];      /* the call was admitted when the dependency was well */
byte heldUp = 0;          /* ticks of sleep windows, since the dependency is well */

active [CALLERS] proctype caller() {
  byte me = _pid, k;
  bool wasOpen;
  mtype before;
  do
  :: atomic {
       wasOpen = state == open && sleepLeft > 0;
       admit(me);
       assert(!(wasOpen && admitted[me]));
       sound[me] = healthy
     };
     if
     :: !admitted[me] -> skip
     :: else ->
        if                                   /* run: it may also hang */
        :: healthy -> skip
        :: !healthy -> (healthy)             /* hangs until the dependency is well again */
        :: !healthy -> skip
        fi;
        atomic {
          before = state;
          if
          :: stale[me] ->
             if
             :: settle(me, success)
             :: settle(me, failure)
             fi;
             assert(state == before)
          :: !stale[me] && sound[me] && probing[me] && leaseLeft > 0 ->
             settle(me, success);
             assert(state == closed)         /* one good probe is enough */
          :: !stale[me] && sound[me] && !(probing[me] && leaseLeft > 0) ->
             settle(me, success);
             assert(state == before || state == closed)
          :: !stale[me] && !sound[me] ->
             if
             :: settle(me, success)
             :: settle(me, failure)
             :: settle(me, neutral)
             :: settle(me, ignoring)
             fi;
             if :: state == open -> heldUp = 0 :: else -> skip fi
          fi
        }
     fi
  od
}

active proctype clock() {
  byte k;
  do
  :: atomic { /* a dependency that is well answers before the lease is over */
       !(leaseLeft == 1 && holder != NOBODY && sound[holder]) ->
       if
       :: healthy && state == open && sleepLeft > 0 -> heldUp++; assert(heldUp <= SLEEP)
       :: else -> skip
       fi;
       tick()
     }
  od
}

active proctype recovery() { healthy = true }

ltl recovers { [] ( [] healthy -> <> (state == closed) ) }
ltl staysWell { [] ( ([] healthy) -> <> [] (state == closed) ) }
