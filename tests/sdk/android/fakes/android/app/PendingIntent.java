package android.app;

import android.content.Context;
import android.content.Intent;

/** The real one asks the system's server: this one keeps what it was made of. */
public final class PendingIntent {
    public static final int FLAG_UPDATE_CURRENT = 1 << 27;
    public static final int FLAG_MUTABLE = 1 << 25;
    public final Intent intent;
    public final int flags;

    private PendingIntent(Intent intent, int flags) {
        this.intent = intent;
        this.flags = flags;
    }

    public static PendingIntent getBroadcast(Context context, int code, Intent intent, int flags) {
        return new PendingIntent(intent, flags);
    }
}
