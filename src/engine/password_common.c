// SPDX-License-Identifier: Apache-2.0
// Passwords that everybody tries first: those of at least 8 characters that lists of stolen passwords have at their
// top. Sorted by bytes, in lower case.
#include "engine/accounts.h"

#include "base/utf8.h"

#include <stdlib.h>

enum { LONGEST = 40 };

// clang-format off
static const char *const common[] = {
    "!qaz2wsx", "00000000", "000000000", "0000000000", "01010101", "0123456789", "0987654321", "10101010",
    "1020304050", "102030405060", "11111111", "111111111", "1111111111", "11223344", "1122334455", "112233445566",
    "12121212", "123123123", "12341234", "12344321", "123454321", "12345678", "123456789", "1234567890",
    "12345678910", "123456789a", "123456789q", "12345678a", "12345678q", "12345679", "1234567a", "1234567q",
    "123456aa", "123456ab", "123456abc", "123456qwerty", "12345qwert", "1234qwer", "123654789", "123qwe123",
    "123qweasd", "123qweasdzxc", "13131313", "147258369", "147896325", "159753456", "19841984", "1q2w3e4r",
    "1q2w3e4r5t", "1q2w3e4r5t6y", "1qaz!qaz", "1qaz2wsx", "1qaz2wsx3edc", "1qazxsw2", "20002000", "20202020",
    "21212121", "22222222", "33333333", "44444444", "55555555", "66666666", "741852963", "77777777", "789456123",
    "87654321", "88888888", "888888888", "963852741", "987654321", "99999999", "999999999", "a1234567", "a12345678",
    "a123456789", "aa123456", "aa12345678", "aaaaaaaa", "aaaaaaaaa", "abc12345", "abc123456", "abc123abc", "abcd1234",
    "abcd12345", "abcdef123", "abcdefg1", "abcdefgh", "abcdefghi", "admin!123", "admin123", "admin1234", "admin12345",
    "admin123456", "admin@123", "adminadmin", "administrator", "alejandra", "alejandro", "alexander", "alexander1",
    "alexandra", "alexandra1", "america1", "america123", "angel123", "angels123", "anthony1", "argentina",
    "argentina1", "arsenal1", "arsenal123", "asd123456", "asdasdasd", "asdf1234", "asdfasdf", "asdfgh123", "asdfghjk",
    "asdfghjkl", "ashley123", "australia", "australia1", "autumn2023", "autumn2024", "autumn2025", "autumn2026",
    "azerty123", "azertyuiop", "babygirl", "babygirl1", "babygirl12", "bangkok1", "barcelona", "barcelona1",
    "baseball", "baseball1", "basketball", "basketball1", "batman123", "benfica1", "benjamin", "benjamin1",
    "blessed1", "blessing1", "blink182", "brandon1", "brasil123", "brazil123", "business1", "butterfly", "butterfly1",
    "california", "california1", "camaro123", "canada123", "caroline", "catherine", "changeit", "changeme",
    "changeme1", "changeme123", "charlie1", "charlie123", "charlotte", "cheesecake", "chelsea1", "chelsea123",
    "chocolate", "chocolate1", "christian", "christian1", "christopher", "cisco123", "colombia", "colombia1",
    "company1", "company123", "computer", "computer1", "computer123", "contrasena", "contraseña", "cookie123",
    "corinthians", "corvette", "daniel123", "danielle", "danielle1", "database1", "dddddddd", "debian123", "december",
    "december1", "default1", "default123", "demo1234", "demodemo", "deutschland", "diamond1", "diamond123",
    "docker123", "doraemon", "dragon12", "dragon123", "dragonball", "elizabeth", "elizabeth1", "eminem123",
    "espana123", "facebook", "facebook1", "facebook123", "family123", "father123", "february", "fernando", "ferrari1",
    "flamengo", "flower123", "flowers1", "football", "football1", "football12", "forever1", "forever21", "france123",
    "francisco", "freedom1", "freedom123", "friday123", "friday13", "friends1", "friendship", "gabriel1",
    "gabriel123", "gabriela", "gamer123", "garfield", "garfield1", "germany1", "godisgood", "golden123", "google123",
    "greenday1", "guest123", "guest1234", "hacker123", "happy123", "happyday", "heaven123", "hellokitty", "hhhhhhhh",
    "hockey123", "honey123", "ilovegod", "ilovejesus", "iloveme1", "iloveu123", "iloveyou", "iloveyou!", "iloveyou1",
    "iloveyou12", "iloveyou123", "iloveyou2", "india123", "india1234", "indonesia", "instagram", "internet",
    "internet1", "jennifer", "jennifer1", "jessica1", "jessica123", "jesus123", "jesuschrist", "jonathan",
    "jordan123", "jordan23", "juventus1", "killer123", "korea1234", "letmein!", "letmein1", "letmein123", "linkedin",
    "linkedin1", "linkinpark", "linux123", "liverpool", "liverpool1", "london123", "lovelove", "lovelove1",
    "lovely123", "loveyou1", "loveyou123", "manager1", "manager123", "manchester", "mariana1", "marianne", "mariposa",
    "master123", "masterkey", "matthew1", "mercedes", "mercedes1", "metallica", "metallica1", "mexico123", "michael1",
    "michael123", "michelle", "michelle1", "mickey123", "microsoft", "minecraft", "minecraft1", "minhasenha",
    "mmmmmmmm", "mnbvcxz1", "monday123", "monkey12", "monkey123", "motdepasse", "mother123", "mustang1", "mypassword",
    "mysecret", "mysql123", "naruto123", "network1", "network123", "newpassword", "newyork1", "newyork123",
    "nicholas", "nicole123", "nintendo1", "nirvana1", "nopassword", "november", "office123", "oldpassword",
    "onepiece", "oracle123", "orange123", "p@55w0rd", "p@ssw0rd", "p@ssw0rd1", "p@ssw0rd123", "p@ssword", "pa55w0rd",
    "pa55word", "pakistan", "pakistan1", "pakistan123", "palmeiras", "passw0rd", "passw0rd1", "password", "password!",
    "password1", "password1!", "password12", "password123", "password1234", "password12345", "passwort", "passwort1",
    "passwort123", "patricia", "philippines", "playstation", "poiuytrewq", "pokemon1", "pokemon123", "porsche1",
    "portugal", "portugal1", "postgres", "postgres1", "postgres123", "princess", "princess1", "princess12",
    "princess123", "purple123", "q1234567", "q12345678", "q1w2e3r4", "q1w2e3r4t5", "q1w2e3r4t5y6", "qazwsx123",
    "qazwsxedc", "qqqqqqqq", "qwe12345", "qwe123456", "qweasd123", "qweasdzxc", "qweqweqwe", "qwer1234", "qwer12345",
    "qwert123", "qwerty1!", "qwerty12", "qwerty123", "qwerty1234", "qwerty12345", "qwerty123456", "qwertyqwerty",
    "qwertyui", "qwertyuiop", "qwertz123", "qwertzui", "rainbow1", "rainbow123", "realmadrid", "ricardo1", "roberto1",
    "rockstar", "rockstar1", "rodrigo1", "root1234", "root12345", "rootroot", "sakura123", "samantha", "samantha1",
    "samsung1", "samsung123", "saturday", "scooby123", "scoobydoo", "sebastian", "sebastian1", "secret12",
    "secret123", "secret1234", "security", "security1", "security123", "senha123", "senha1234", "september",
    "september1", "server123", "service1", "service123", "shadow12", "shadow123", "silver123", "singapore",
    "slipknot", "slipknot1", "snoopy123", "soccer123", "softball1", "spiderman", "spiderman1", "spongebob",
    "spongebob1", "spring2023", "spring2024", "spring2025", "spring2026", "ssssssss", "startrek", "starwars",
    "starwars1", "stephanie", "stephanie1", "strawberry", "summer123", "summer2020", "summer2021", "summer2022",
    "summer2023", "summer2024", "summer2025", "summer2026", "sunday123", "sunshine", "sunshine1", "sunshine12",
    "superman", "superman1", "superuser", "support1", "support123", "sweetheart", "sweetie1", "sweety123",
    "system123", "temp1234", "temppass", "test1234", "test12345", "test123456", "tester123", "testing1", "testing123",
    "testtest", "thailand", "thailand1", "tiger123", "tigers123", "tinkerbell", "together", "toor1234", "topsecret",
    "trustno1", "ubuntu123", "user1234", "username", "username1", "useruser", "valentin", "valentina", "veronica",
    "victoria", "victoria1", "vietnam123", "wasdwasd", "welcome!", "welcome01", "welcome1", "welcome1!", "welcome12",
    "welcome123", "welcome2", "whatever", "whatever!", "whatever1", "whatever123", "whatsapp", "windows1",
    "windows10", "winter123", "winter2020", "winter2021", "winter2022", "winter2023", "winter2024", "winter2025",
    "winter2026", "wwwwwwww", "xbox360x", "xxxxxxxx", "yellow123", "youtube1", "zaq!2wsx", "zaq12wsx", "zaq1zaq1",
    "zaqwsxcde", "zxcvbnm,", "zxcvbnm1", "zxcvbnm123", "zxcvbnmz", "zxcvzxcv", "zzzzzzzz",
};
// clang-format on

static int by_text(const void *key, const void *row)
{
    return str_cmp(*(const struct str *)key, str_from(*(const char *const *)row));
}

bool password_common(struct str password)
{
    char lower[LONGEST];
    struct str text = utf8_trim(password);
    if (text.n >= sizeof lower)
        return false;
    for (size_t i = 0; i < text.n; i++)
        lower[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] + 32 : text.p[i]);
    struct str key = {lower, text.n};
    return bsearch(&key, common, sizeof common / sizeof *common, sizeof *common, by_text);
}
