// SPDX-License-Identifier: Apache-2.0
// Stop words of languages in Latin letters (marks: words.h).
#include "search/words.h"

const char words_en[] =
    "a about above after again all also am an and any are aren as at be because been before being below between both "
    "but by can cannot ~could couldn did didn do does doesn doing don down during each either else ever every few for "
    "from further get gets got had hadn has hasn have haven having he her here hers herself him himself his how "
    "however i if in into is isn it its itself just ~let me ~might more most much ~must my myself no nor not of off "
    "on once only or ought our ours ourselves out own please rather really same she should shouldn since so some "
    "something such than that the their theirs them themselves then there these they this those through to too "
    "toward under until up upon us very want was wasn we were weren what whatever when where whether which while who "
    "whom whose why will with within without would wouldn yet you your yours yourself yourselves "
    "~like ~need ~tell ~there ~anyone ~someone ~im ~ive ~id "
    "+hello +hi +hey +thanks +thank +good +morning +yes +product +products +shipping +order +help +price +welcome";

const char words_pt[] =
    "a à às ao aos aquela aquelas aquele aqueles aquilo as até ~com ~como da das de dela delas dele deles depois do "
    "dos e é ela elas ele eles em entre era eram essa essas esse esses esta está estão estar estas estava este estes "
    "estou eu foi fomos for foram há isso isto já lhe lhes mais ~mas me mesmo meu meus minha minhas muito muita na "
    "nas não nem no nos nós nossa nossas nosso nossos num numa o os ou para pela pelas pelo pelos ~por porque pra pro "
    "qual quais quando quanto quanta quantos quantas que quê quem se seja sem ser será seu seus só são sua suas também "
    "te tem têm tenho ter ~teu teus tu tua tuas um uma umas uns vai você vocês vou onde posso pode podem quero "
    "gostaria ~favor "
    "+olá +obrigado +obrigada +sim +bom +boa +dia +tarde +preço +entrega +produto +produtos +quanto +custa +ajuda +oi "
    "+devolução +garantia +prazo";

const char words_es[] =
    "a al algo algunas algunos ante antes ~como ~con contra ~cual cuál cuáles cuando cuándo cuánto cuánta cuántos "
    "cuántas de del desde donde dónde durante e el él ella ellas ellos ~en entre era eran eres es esa esas ese eso "
    "esos esta está están estas este esto estos estoy fue fueron ha han has ~hasta hay he la las le les lo los más me "
    "mi mis mucho muy nada ni ~no nos nosotros nuestra nuestras nuestro nuestros o os otra otro otros para pero poco "
    "~por porque puede pueden puedo qué que quien quién quiénes quiero se sea según ser si ~sin sobre son su sus "
    "también te ~tan tanto tengo tiene tienen tienes todo todos tu tú tus un una unas uno unos usted ustedes vosotros "
    "y ya yo ~favor quisiera "
    "+hola +gracias +buenos +buenas +días +tardes +precio +envío +producto +productos +ayuda +cuesta +devolución "
    "+garantía";

const char words_fr[] =
    "à au aux avec ~avez c ce ceci cela celle celles celui ces cet cette ceux chez ci comme comment d dans de des du "
    "elle elles en entre es est et étaient était êtes être eu eux il ils j je l la là le les leur leurs lui ma mais me "
    "même mes moi ~mon n ne ni nos notre nous on ont ou où par parce pas ~peut peux plus ~pour pourquoi puis "
    "puisque qu quand que quel quelle quelles quels qui quoi s sa sans se ~sera ses si ~son sont suis ~sur t ta te tes "
    "toi ~ton tous tout toute toutes très tu un une va vais vers voici voilà vos votre vous veux voudrais y ça "
    "combien "
    "+bonjour +merci +salut +oui +prix +livraison +produit +produits +retour +garantie +aide +coûte";

const char words_de[] =
    "aber alle allem allen aller alles als ~also am ~an ander andere anderen auch auf aus ~bei beim ~bin bis bist da "
    "damit dann das dass dasselbe dein deine dem ~den denn der des dich ~die ~dies diese diesem diesen dieser dieses "
    "dir ~doch dort du durch ein eine einem einen einer eines er es etwas euch euer eure für gegen gibt ~hab habe "
    "haben ~hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ~in indem ins ist ja jede "
    "jedem jeden jeder jedes jener kann kannst kein keine keinem keinen keiner können könnte ~man manche mehr mein "
    "meine meinem meinen meiner ~mich mir mit möchte muss müssen nach nicht nichts noch nun nur ob oder ohne sehr "
    "sein seine seinem seinen seiner selbst sich sie sind so solche soll sondern sonst über um und uns unser unsere "
    "unter viel vom von vor wann ~war waren warum ~was weil welche welchem welchen welcher welches wenn werde werden "
    "wer wie wieder ~will wir wird wo wollen wurde wurden zu zum zur zwar zwischen bitte "
    "+hallo +danke +guten +tag +preis +lieferung +produkt +produkte +rückgabe +garantie +hilfe +kostet +viel";

const char words_id[] =
    "ada adalah agar akan aku anda antara apa apakah atas atau bagaimana bagi bahwa banyak begitu belum berapa "
    "bisa bisakah boleh bukan ~dan dapat dari dengan ~di dia dong dulu gimana hanya harus hingga ini itu iya jadi "
    "jangan jika juga kah kalau kami kamu kapan karena ke kenapa kepada kita lagi lah lain lebih maka masih mau "
    "mengapa mereka milik mohon nya oleh ~pada paling pernah pula pun saat saja sama sampai sangat saya sebagai "
    "sebelum sebuah sedang sekali sekitar selain seperti sering serta setelah siapa sih sini situ sudah supaya "
    "tadi tapi telah tentang terhadap tersebut tetapi tidak tolong untuk ya yaitu yang yg ga gak nggak tak udah "
    "~dimana ~mana ~aja "
    "+halo +hai +terima +kasih +selamat +pagi +siang +harga +barang +produk +kirim +pengiriman +garansi +bahan +beli";
