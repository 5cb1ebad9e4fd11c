package android.os;

/** The real one is native: this one is set by the test. */
public final class SystemClock {
    public static long nanos;

    public static long elapsedRealtimeNanos() {
        return nanos;
    }
}
