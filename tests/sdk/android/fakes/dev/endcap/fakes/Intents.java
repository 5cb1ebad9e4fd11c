package dev.endcap.fakes;

import android.content.Intent;
import java.util.ArrayList;

/** What Play services would send. */
public class Intents {
    public static Intent of(int transition, ArrayList<String> ids) {
        Intent intent = new Intent("dev.endcap.TRANSITION");
        intent.putExtra("transition", transition);
        intent.putStringArrayListExtra("ids", ids);
        return intent;
    }
}
