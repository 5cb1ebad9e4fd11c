package dev.endcap;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.storage.StringConverter;

/** Kafka's StringConverter, which writes down what passes: a line of JSON each, at the end of the file it is told of. */
public class RecordingConverter extends StringConverter {
    private static final String FILE = "file";
    private static final ObjectMapper JSON = new ObjectMapper();

    private Path file;
    private boolean isKey;

    @Override
    public ConfigDef config() {
        ConfigDef texts = new ConfigDef(super.config());
        return texts.define(FILE, ConfigDef.Type.STRING, ConfigDef.Importance.HIGH, "Where lines are appended");
    }

    @Override
    public void configure(Map<String, ?> configs, boolean isKey) {
        super.configure(configs, isKey);
        this.file = Path.of(String.valueOf(configs.get(FILE)));
        this.isKey = isKey;
    }

    @Override
    public SchemaAndValue toConnectData(String topic, byte[] given) {
        SchemaAndValue gave = super.toConnectData(topic, given);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("topic", topic);
        line.put("part", isKey ? "key" : "value");
        line.put("given", given == null ? null : Base64.getEncoder().encodeToString(given));
        line.put("gave", gave.value());
        line.put("type", gave.schema().type().getName());
        append(line);
        return gave;
    }

    private void append(Map<String, Object> line) {
        try {
            byte[] text = (JSON.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8);
            Files.write(file, text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException fault) {
            throw new ConnectException("could not record in " + file, fault);
        }
    }
}
