package dev.endcap.fakes;

import android.content.SharedPreferences;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** SharedPreferences in memory, as far as they are used. */
public class FakePreferences implements SharedPreferences, SharedPreferences.Editor {
    private final Map<String, Boolean> flags = new HashMap<>();

    @Override public Map<String, ?> getAll() { return flags; }
    @Override public String getString(String key, String other) { return other; }
    @Override public Set<String> getStringSet(String key, Set<String> other) { return other; }
    @Override public int getInt(String key, int other) { return other; }
    @Override public long getLong(String key, long other) { return other; }
    @Override public float getFloat(String key, float other) { return other; }
    @Override public boolean getBoolean(String key, boolean other) { return flags.getOrDefault(key, other); }
    @Override public boolean contains(String key) { return flags.containsKey(key); }
    @Override public Editor edit() { return this; }
    @Override public void registerOnSharedPreferenceChangeListener(OnSharedPreferenceChangeListener listener) { }
    @Override public void unregisterOnSharedPreferenceChangeListener(OnSharedPreferenceChangeListener listener) { }
    @Override public Editor putString(String key, String value) { return this; }
    @Override public Editor putStringSet(String key, Set<String> values) { return this; }
    @Override public Editor putInt(String key, int value) { return this; }
    @Override public Editor putLong(String key, long value) { return this; }
    @Override public Editor putFloat(String key, float value) { return this; }
    @Override public Editor putBoolean(String key, boolean value) { flags.put(key, value); return this; }
    @Override public Editor remove(String key) { flags.remove(key); return this; }
    @Override public Editor clear() { flags.clear(); return this; }
    @Override public boolean commit() { return true; }
    @Override public void apply() { }
}
